// clients/js as run.py's client under test: what is read and told stands there. node js_driver.mjs
import { createInterface } from "node:readline";
import { Client, FileStorage } from "../../../clients/js/dist/node.js";

const tell = (what, fields) => process.stdout.write(JSON.stringify({ tell: what, ...fields }) + "\n");

let client;

function open({ url, token, device, folder, encoding, is_hasty }) {
  client = new Client({ url, token: () => token, device, encoding, storage: new FileStorage(folder),
    random: () => Math.random() * (is_hasty ? 0.02 : 1) });
  client.on("message", ({ conversation, seq, id, from, kind, text }) =>
    tell("message", { conversation, seq, id, from, kind, text }));
  client.on("state", (state) => tell("state", state));
  client.on("outbox", ({ type, entry }) => {
    const { client_id, state, error } = entry;
    if (type === "sent") tell("sent", { client_id });
    else if (state === "failed") tell("failed", { client_id, error: error.name });
  });
}

const commands = {
  async start(fields) {
    if (client?.state.status !== "refused") open(fields);
    await client.start();
  },

  async send({ do: _, ...draft }) {
    try {
      await client.send(draft);
    } catch (error) {
      if (error.name !== "conflict") throw error;
    }
    tell("kept", { client_id: draft.client_id });
  },

  async stop() {
    await client.stop();
    tell("stopped");
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  await commands[command.do](command);
}
await client?.stop();
process.exit(0);
