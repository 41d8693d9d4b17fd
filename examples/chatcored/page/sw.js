/*
 * The page without a network: its own files, as they were when they last came from the server. The
 * network is asked first, so that nobody sees an old page after an update; only when it fails, or
 * takes too long, what was kept is shown. Messages are the page's business, and pass by here.
 */
const KEPT = "chatcore-page-1"; /* another name, and what older ones have kept goes */
const FILES = ["/", "/chat.css", "/chat.js", "/manifest.webmanifest", "/icon.svg"];
const PATIENCE_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

async function fresh(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-cache" });
  if (!response.ok) throw new Error(`${response.status}`);
  await (await caches.open(KEPT)).put(path, response.clone());
  return response;
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !FILES.includes(url.pathname)) return;
  event.respondWith(fresh(url.pathname).catch(async () =>
    await caches.match(url.pathname) ?? Response.error()));
});
