// An OpenID provider for tests: oidc-provider with key rotation and manipulated responses.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import * as jose from "jose";

// oidc-provider warns at import that Node.js 20 is unsupported. The features used here work.
const { warn } = console;
console.warn = () => {};
const { Provider, errors } = await import("oidc-provider");
console.warn = warn;

const SCOPES = ["openid", "profile", "email"];
const DISCOVERY = "/.well-known/openid-configuration";
const DAY = 24 * 60 * 60;
const ANSWER = ["status", "headers", "body", "set", "huge", "delay_ms"];
const TAMPERABLE = {
  id_token: ["alg", "claims", "drop", "foreign_key", "kid"],
  token: ANSWER,
  discovery: ANSWER,
  jwks: ANSWER,
  authorize: ["iss"],
};
const KEY_ALGS = ["RS256", "PS256", "ES256", "EdDSA"];
const FORGED_ALGS = ["none", "HS256_public", "HS256_secret"];

const {
  client_id,
  client_secret = null,
  redirect_uris,
  auth_method = "client_secret_basic",
  accounts,
  id_token_alg = "RS256",
  clock_offset = 0,
} = JSON.parse(process.env.PROVIDER);

const auth = client_secret === null ? "none" : auth_method;
const claimNames = [...new Set(Object.values(accounts).flatMap(Object.keys))];
const cookieKeys = [randomBytes(32).toString("hex")];
const targets = new Set(redirect_uris.map(target));

let issuer;
let keys = [];
let provider;
let tamper = {};
let requests = [];

class BadRequest extends Error {}

// Shared by all Providers, so that sessions and codes survive a rotation. The models check expiry themselves.
const store = new Map();

class Adapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload) {
    store.set(this.key(id), payload);
  }

  async find(id) {
    return store.get(this.key(id));
  }

  async findByUid(uid) {
    return [...store].find(([key, payload]) => key.startsWith("Session:") && payload.uid === uid)?.[1];
  }

  async consume(id) {
    store.get(this.key(id)).consumed = now();
  }

  async destroy(id) {
    store.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of store) {
      if (/^(AuthorizationCode|AccessToken):/.test(key) && payload.grantId === grantId) store.delete(key);
    }
  }
}

function now() {
  return Math.floor(Date.now() / 1000);
}

function target(uri) {
  const { origin, pathname } = new URL(uri);
  return origin + pathname;
}

async function newKey(kid, alg) {
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await jose.exportJWK(privateKey)), kid, alg, use: "sig" };
  return { kid, alg, jwk, privateKey, pem: await jose.exportSPKI(publicKey) };
}

// A Provider cannot change its keys, so every rotation creates a new one.
function newProvider(keys) {
  const made = new Provider(issuer, {
    adapter: Adapter,
    claims: { openid: ["sub", ...claimNames] },
    clientAuthMethods: [auth],
    clientBasedCORS: () => false,
    clients: [
      {
        client_id,
        ...(client_secret === null ? {} : { client_secret }),
        redirect_uris,
        token_endpoint_auth_method: auth,
        id_token_signed_response_alg: keys[0].alg,
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    conformIdTokenClaims: false,
    cookies: { keys: cookieKeys },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: { enabled: false },
    },
    findAccount: (_, id) =>
      Object.hasOwn(accounts, id) ? { accountId: id, claims: () => ({ ...accounts[id], sub: id }) } : undefined,
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    loadExistingGrant,
    pkce: { required: () => true },
    renderError: (ctx, { error, error_description = "" }) => {
      ctx.type = "html";
      ctx.body = page(error, `<p>${escapeHtml(error_description)}</p>`);
    },
    responseTypes: ["code"],
    scopes: SCOPES,
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: DAY, IdToken: 3600, Interaction: 3600, Session: DAY },
  });
  made.on("server_error", (_, error) => console.error(error));
  made.use(async (ctx, next) => {
    await next();
    if (ctx.method !== "POST" || ctx.path !== "/token") return;
    const body = ctx.oidc?.body ?? {};
    Object.assign(ctx.req.entry, {
      fields: Object.keys(body),
      grant_type: body.grant_type ?? null,
      authorization: ctx.get("authorization").split(" ")[0] || null,
    });
  });
  return made;
}

// Grants all scopes and claims at sign-in, so that no consent page is shown.
async function loadExistingGrant({ oidc }) {
  const { Grant } = oidc.provider;
  const id = oidc.session.grantIdFor(oidc.client.clientId);
  const existing = id && (await Grant.find(id));
  if (existing) return existing;
  const grant = new Grant({ clientId: oidc.client.clientId, accountId: oidc.account.accountId });
  grant.addOIDCScope(SCOPES.join(" "));
  grant.addOIDCClaims(claimNames);
  await grant.save();
  return grant;
}

function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(title, content) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { margin: 0 auto; max-width: 24rem; padding: 2rem 1rem; font: 1rem/1.5 system-ui, sans-serif; }
button { box-sizing: border-box; width: 100%; margin: 0.25rem 0; padding: 0.75rem; font: inherit; }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;
}

function sendPage(res, status, title, content) {
  res.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    // No form-action: Chromium also applies it to the redirects after the form, which lead to the client.
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  });
  res.end(page(title, content));
}

function signInPage(res) {
  const buttons = Object.entries(accounts).map(([id, { name }]) => {
    const label = name === undefined ? id : `${name} (${id})`;
    const attributes = `id="sign-in-as-${escapeHtml(id)}" name="account" value="${escapeHtml(id)}"`;
    return `<button ${attributes}>Sign in as ${escapeHtml(label)}</button>`;
  });
  const cancel = `<button id="sign-in-cancel" name="cancel" value="1">Cancel</button>`;
  sendPage(res, 200, "Sign in", `<form method="post">\n${[...buttons, cancel].join("\n")}\n</form>`);
}

function failedPage(res, reason) {
  sendPage(res, 400, "Sign-in failed", `<p>${escapeHtml(reason)}</p>`);
}

async function readBody(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function interaction(req, res, { pathname, searchParams }) {
  let uid;
  try {
    ({ uid } = await provider.interactionDetails(req, res));
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
  }
  if (uid === undefined || pathname !== `/interaction/${uid}`) return failedPage(res, "This sign-in has expired.");
  const chosen = req.method === "POST" ? new URLSearchParams(await readBody(req)) : searchParams;
  const account = chosen.get("account");
  if (chosen.has("cancel")) {
    const result = { error: "access_denied", error_description: "sign-in was cancelled" };
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }
  if (account === null && req.method === "GET") return signInPage(res);
  if (account === null || !Object.hasOwn(accounts, account)) return failedPage(res, "There is no such account.");
  return provider.interactionFinished(req, res, { login: { accountId: account }, consent: {} });
}

function merge(object, changes) {
  const merged = { ...object, ...changes };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
  }
  return merged;
}

async function tamperIdToken(token, { alg, claims = {}, foreign_key = false, kid }) {
  const [key] = keys;
  const header = jose.decodeProtectedHeader(token);
  if (kid !== undefined) header.kid = kid;
  const payload = jose.decodeJwt(token);
  for (const name of ["iat", "exp", "auth_time"]) {
    if (name in payload) payload[name] += clock_offset;
  }
  const text = JSON.stringify(merge(payload, claims));
  if (alg === "none") {
    const parts = [JSON.stringify({ ...header, alg }), text];
    return `${parts.map((part) => jose.base64url.encode(part)).join(".")}.`;
  }
  const bytes = new TextEncoder();
  const sign = (algorithm, secret) =>
    new jose.CompactSign(bytes.encode(text)).setProtectedHeader({ ...header, alg: algorithm }).sign(secret);
  if (alg === "HS256_public") return sign("HS256", bytes.encode(key.pem));
  if (alg === "HS256_secret") return sign("HS256", bytes.encode(client_secret));
  return sign(key.alg, foreign_key ? (await newKey(key.kid, key.alg)).privateKey : key.privateKey);
}

async function tamperTokens(body) {
  const answer = JSON.parse(body);
  if (answer.id_token === undefined) return body;
  if (tamper.id_token?.drop) delete answer.id_token;
  else answer.id_token = await tamperIdToken(answer.id_token, tamper.id_token ?? {});
  return JSON.stringify(answer);
}

async function tamperAnswer(res, body, { status, headers = {}, body: instead, set, huge, delay_ms = 0 }) {
  await sleep(delay_ms);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (status !== undefined) res.statusCode = status;
  if (instead !== undefined) return instead;
  if (set !== undefined) return JSON.stringify(merge(JSON.parse(body), set));
  // The document stays valid, so that only its size is wrong.
  if (huge !== undefined) return JSON.stringify({ ...JSON.parse(body), padding: "x".repeat(huge) });
  return status === undefined ? body : "";
}

function tamperRedirect(res, body, { iss }) {
  const location = URL.parse(res.getHeader("location") ?? "");
  if (iss === undefined || location === null || !targets.has(target(location))) return body;
  if (iss === null) location.searchParams.delete("iss");
  else location.searchParams.set("iss", iss);
  res.setHeader("location", location.href);
  return "";
}

async function tampered({ method, path }, res, body) {
  if (method === "POST" && path === "/token") {
    const resigned = tamper.id_token !== undefined || clock_offset !== 0;
    const answer = resigned && res.statusCode === 200 ? await tamperTokens(body) : body;
    return tamper.token ? tamperAnswer(res, answer, tamper.token) : answer;
  }
  if (path === DISCOVERY && tamper.discovery) return tamperAnswer(res, body, tamper.discovery);
  if (path === "/jwks" && tamper.jwks) return tamperAnswer(res, body, tamper.jwks);
  return tamper.authorize ? tamperRedirect(res, body, tamper.authorize) : body;
}

// Buffers the response until it ends.
function hold(res) {
  const chunks = [];
  return new Promise((resolve) => {
    const write = (chunk, encoding) => {
      if (typeof chunk === "string") chunks.push(Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8"));
      else if (chunk instanceof Uint8Array) chunks.push(chunk);
      return true;
    };
    const head = (status, headers = {}) => {
      res.statusCode = status;
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      return res;
    };
    const end = (chunk, encoding) => {
      write(chunk, encoding);
      release(res);
      resolve(Buffer.concat(chunks).toString());
      return res;
    };
    Object.assign(res, { write, writeHead: head, end });
  });
}

function release(res) {
  for (const method of ["write", "writeHead", "end"]) delete res[method];
}

async function serve(req, res, url) {
  req.entry = { method: req.method, path: url.pathname };
  requests.push(req.entry);
  const held = hold(res);
  if (url.pathname.startsWith("/interaction/")) await interaction(req, res, url);
  else await provider.callback()(req, res);
  const original = await held;
  const body = await tampered(req.entry, res, original);
  if (body !== original) res.setHeader("content-length", Buffer.byteLength(body));
  req.entry.status = res.statusCode;
  res.end(body);
}

function checkTampering(wanted) {
  for (const [what, how] of Object.entries(wanted)) {
    if (!Object.hasOwn(TAMPERABLE, what)) throw new BadRequest(`cannot tamper with ${what}`);
    const unknown = Object.keys(how).find((name) => !TAMPERABLE[what].includes(name));
    if (unknown !== undefined) throw new BadRequest(`cannot tamper with ${what} by ${unknown}`);
  }
  const alg = wanted.id_token?.alg;
  if (alg !== undefined && !FORGED_ALGS.includes(alg)) throw new BadRequest(`no such alg: ${alg}`);
  if (alg === "HS256_secret" && client_secret === null) throw new BadRequest("a public client has no secret");
}

async function rotate({ kid, alg = id_token_alg, keep = false }) {
  const kept = keep ? keys : [];
  if (typeof kid !== "string" || kept.some((key) => key.kid === kid)) throw new BadRequest("kid is missing or in use");
  if (!KEY_ALGS.includes(alg)) throw new BadRequest(`no such alg: ${alg}`);
  const rotated = [await newKey(kid, alg), ...kept];
  provider = newProvider(rotated);
  keys = rotated;
}

async function control(req, res, { pathname }) {
  let answer;
  switch (`${req.method} ${pathname}`) {
    case "GET /_test/requests":
      answer = requests;
      break;
    case "DELETE /_test/requests":
      requests = [];
      break;
    case "POST /_test/tamper": {
      const wanted = JSON.parse(await readBody(req));
      checkTampering(wanted);
      tamper = wanted;
      break;
    }
    case "POST /_test/keys":
      await rotate(JSON.parse(await readBody(req)));
      break;
    default:
      throw new BadRequest("no such control");
  }
  if (answer === undefined) res.writeHead(204).end();
  else res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

const server = createServer(async (req, res) => {
  try {
    const url = new URL(req.url, issuer);
    await (url.pathname.startsWith("/_test/") ? control : serve)(req, res, url);
  } catch (error) {
    const bad = error instanceof BadRequest || error instanceof SyntaxError;
    if (!bad) console.error(error);
    release(res);
    res.writeHead(bad ? 400 : 500, { "content-type": "text/plain" }).end(`${error.message}\n`);
  }
});

for (const ending of ["end", "close"]) process.stdin.on(ending, () => process.exit());
process.stdin.resume();
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await rotate({ kid: "k1" });
  await provider.Client.find(client_id); // invalid client metadata fails here, not at the first request
  console.log(`listening ${issuer}`);
});
