// Opens a WebSocket over HTTP/2 (RFC 8441), as a browser does where a server announces that it can:
// prints "announced", or "not announced", and the status and what is accepted.
//
//     extended_connect.mjs PORT CERTIFICATE
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [port, certificate] = process.argv.slice(2);
const session = http2.connect(`https://127.0.0.1:${port}`, { ca: readFileSync(certificate) });
session.on('remoteSettings', (settings) => {
  if (!settings.enableConnectProtocol) {
    console.log('not announced');
    session.destroy();
    return;
  }
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/v1/ws', ':scheme': 'https',
    ':authority': `127.0.0.1:${port}`, 'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chatcore.v1.json',
  }, { endStream: false });
  stream.on('response', (headers) => {
    console.log('announced', headers[':status'], headers['sec-websocket-protocol']);
    session.destroy();
  });
});
session.on('error', (error) => { console.log('failed', error.message); process.exit(1); });
