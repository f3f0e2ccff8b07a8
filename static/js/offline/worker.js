/**
 * Keeps the lab and its lessons for when their server is away: the pages and their static files, and nothing that the API has answered.
 *
 * The server writes two names in front of this file: VERSION, of the pages and all their files, and FILES, their addresses. Another version
 * makes this another worker, with a store of its own; the store of the last one goes when it takes over.
 */

// @ts-ignore -- written by the server
const [NAME, KEPT] = [`convscope-${VERSION}`, /** @type {string[]} */ (FILES)];
const STATIC = '/static/';
const IN_STORE = { cacheName: NAME, ignoreVary: true };
/** @type {any} the page's types have no workers */
const worker = self;

/** @param {any} event */
async function install(event) {
  // Where the browser can, what is asked of the API does not even wait for this worker.
  await event.addRoutes?.([{ condition: { urlPattern: { pathname: '/api/*' } }, source: 'network' }]);
  const cache = await caches.open(NAME);
  await cache.addAll(KEPT);
  await worker.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith('convscope-') && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.registration.navigationPreload?.enable();
  await worker.clients.claim();
}

/** The server's own page while it answers, so that none is stale. @param {any} event @returns {Promise<Response>} */
async function page({ request, preloadResponse }) {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch (error) {
    const kept = await caches.match(new URL(request.url).pathname, IN_STORE);
    if (kept) return kept;
    throw error;
  }
}

/** A file whose address names its version is always the same. @param {Request} request @returns {Promise<Response>} */
const file = async (request) => (await caches.match(request, IN_STORE)) ?? fetch(request);

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(install(event)));
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== 'GET' || !KEPT.includes(pathname)) return;
  event.respondWith(pathname.startsWith(STATIC) ? file(event.request) : page(event));
});
