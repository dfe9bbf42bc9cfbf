// SPDX-License-Identifier: Apache-2.0
//
// A client of the Maille wire protocol, written from docs/protocol.md alone. Node.js >= 18, no dependency.
//
//   node client.mjs URL THUMBPRINT NOTICE_VERSION   enrol, send one envelope twice, check its receipt
//   node client.mjs --golden DIR                    verify the golden vectors

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { randomBytes, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync, inflateRawSync } from "node:zlib";

const ALGORITHMS = ["Ed25519", "EdDSA"];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const TIMEOUT_MS = 30_000;

function demand(condition, message) {
  if (!condition) throw new Error(message);
}

// --- Building blocks (section 2) ---

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const encode = (bytes) => Buffer.from(bytes).toString("base64url");

/** Strict base64url: no padding, no foreign character, no unused bit that is not zero. */
function decode(text) {
  const bytes = Buffer.from(text, "base64url");
  demand(/^[A-Za-z0-9_-]*$/.test(text) && encode(bytes) === text, "not strict base64url");
  return bytes;
}

function parseObject(bytes, what) {
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Error(`${what} is not JSON`);
  }
  demand(value !== null && typeof value === "object" && !Array.isArray(value), `${what} is not a JSON object`);
  return value;
}

/** RFC 7638: SHA-256 of the canonical text of the public key. */
function thumbprint(jwk) {
  demand(jwk?.kty === "OKP" && jwk.crv === "Ed25519" && typeof jwk.x === "string", "not an Ed25519 public key");
  demand(decode(jwk.x).length === 32, "an Ed25519 public key has 32 bytes");
  return encode(sha256(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })));
}

/** A signer: private key, public JWK and thumbprint. */
function signer(privateKey) {
  const { crv, kty, x } = createPublicKey(privateKey).export({ format: "jwk" });
  return { privateKey, jwk: { crv, kty, x }, thumbprint: thumbprint({ crv, kty, x }) };
}

function signCompact(key, typ, payload) {
  const header = { alg: "Ed25519", kid: key.thumbprint, typ };
  const input = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(payload))}`;
  return `${input}.${encode(sign(null, Buffer.from(input), key.privateKey))}`;
}

function signDetached(key, typ, body) {
  const header = encode(JSON.stringify({ alg: "Ed25519", b64: false, crit: ["b64"], kid: key.thumbprint, typ }));
  return `${header}..${encode(sign(null, Buffer.concat([Buffer.from(`${header}.`), body]), key.privateKey))}`;
}

/** Checks a JWS against a pinned key and returns its payload; `detached` is the payload left out of the message. */
function verifyJws(message, typ, pinned, detached) {
  const parts = message.split(".");
  demand(parts.length === 3, `${typ}: not three parts`);
  const [head, middle, tail] = parts;
  const header = parseObject(decode(head), `${typ}: header`);
  const members = detached ? ["alg", "b64", "crit", "kid", "typ"] : ["alg", "kid", "typ"];
  demand(Object.keys(header).sort().join() === members.join(), `${typ}: header has other members`);
  demand(ALGORITHMS.includes(header.alg), `${typ}: algorithm ${header.alg}`);
  demand(header.typ === typ, `${typ}: typ is ${header.typ}`);
  demand(header.kid === thumbprint(pinned), `${typ}: signed by another key`);
  if (detached) {
    demand(middle === "" && header.b64 === false && JSON.stringify(header.crit) === '["b64"]', `${typ}: not detached`);
  }
  const payload = detached ?? decode(middle);
  const input = Buffer.concat([Buffer.from(`${head}.`), detached ?? Buffer.from(middle)]);
  const publicKey = createPublicKey({ key: pinned, format: "jwk" });
  const signature = decode(tail);
  demand(signature.length === 64 && verify(null, input, publicKey, signature), `${typ}: signature does not match`);
  return payload;
}

/** UUID of version 7 (RFC 9562). */
function uuid7(milliseconds) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// --- Samples and envelopes (sections 5 and 6) ---

function makeSamples(now) {
  const common = (seq, agoMs) => ({
    id: uuid7(now - agoMs),
    seq,
    measured_at: new Date(now - agoMs).toISOString(),
    client: "other-client 1.0",
    latitude: 47.28754,
    longitude: 3.94521,
    accuracy_m: 4.5,
    position_source: "gnss",
    context: "outdoor",
    sim_plmn: "20801",
  });
  const served = { serving_plmn: "20801", roaming: false, service_state: "in_service", rat: "lte", lte_rsrp_dbm: -107 };
  const download = { download_bps: 7412800.5, download_bytes: 9266001, download_duration_ms: 10000 };
  const web = { web_loaded_5s: true, web_loaded_10s: true, web_duration_ms: 2310.4 };
  const deadZone = { service_state: "no_service", service_evidence: "strong", service_polls: 19 };
  return [
    { ...common(1, 300_000), kind: "throughput", duration_ms: 11800, ...served, outcome: "ok", ...download },
    { ...common(2, 240_000), kind: "web", duration_ms: 2311, ...served, outcome: "ok", ...web },
    { ...common(3, 180_000), kind: "service", duration_ms: 95000, ...deadZone },
    { ...common(4, 60_000), kind: "service", duration_ms: 1000, ...deadZone, latitude: 147.28754 }, // out of bounds
  ];
}

function seal(key, samples) {
  const body = gzipSync(samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
  return { body, signature: signDetached(key, "maille-envelope", body), ids: samples.map((sample) => sample.id) };
}

/** Opens the gzip stream of an envelope, which must be one, with nothing behind it. */
function openBody(body) {
  const { engine } = inflateRawSync(body.subarray(10), { info: true }); // a header without options has 10 bytes
  demand(body[3] === 0 && engine.bytesWritten === body.length - 18, "not exactly one plain gzip stream");
  return gunzipSync(body);
}

// --- Receipts (section 7) ---

/** Checks a receipt against the pinned key, the body that it answers and the identifiers of its lines. */
function checkReceipt(message, pinned, body, ids) {
  const receipt = parseObject(verifyJws(message, "maille-receipt", pinned), "receipt");
  demand(receipt.envelope_sha256 === sha256(body).toString("hex"), "receipt is of another envelope");
  demand(INSTANT.test(receipt.received_at), "receipt has no instant");
  demand(Array.isArray(receipt.verdicts) && receipt.verdicts.length === ids.length, "receipt lacks verdicts");
  receipt.verdicts.forEach((entry, index) => {
    const line = index + 1;
    demand(entry?.line === line, `receipt: verdict ${line} is of another line`);
    demand(["stored", "duplicate", "rejected"].includes(entry.verdict), `receipt: line ${line} has no known verdict`);
    const rejected = entry.verdict === "rejected";
    const named = entry.sample_id === ids[index] || (rejected && entry.sample_id === undefined);
    demand(named, `receipt: line ${line} names another sample`);
    demand(!rejected || typeof entry.rule === "string", `receipt: line ${line} is rejected without a rule`);
  });
  return receipt.verdicts;
}

// --- The exchange (sections 3, 4, 6, 8) ---

async function call(address, path, options = {}) {
  const what = `${options.method ?? "GET"} ${path}`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let response, bytes;
  try {
    response = await fetch(address + path, { ...options, redirect: "manual", signal });
    bytes = Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${what}: no answer (${error.cause?.code ?? error.message})`);
  }
  if (response.status !== 200 && response.status !== 201) {
    const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
    const problem = isProblem ? parseObject(bytes, "problem") : { rule: "not of the protocol", detail: "" };
    throw new Error(`${what}: ${response.status} ${problem.rule} ${problem.detail}`.trim());
  }
  return { status: response.status, bytes };
}

async function exchange(url, pinnedThumbprint, acceptedNotice) {
  const address = url.replace(/\/+$/, "");
  const status = parseObject((await call(address, "/v1/status")).bytes, "status");
  const pinned = status.collector_key;
  demand(thumbprint(pinned) === pinnedThumbprint, "the collector's key is not the expected one");
  demand(status.privacy_notice?.version === acceptedNotice, `another notice: ${status.privacy_notice?.version}`);

  const device = signer(generateKeyPairSync("ed25519").privateKey);
  const payload = { jwk: device.jwk, collector: pinnedThumbprint, privacy_notice_version: acceptedNotice };
  const enrolment = signCompact(device, "maille-enrolment", payload);
  const headers = { "Content-Type": "application/jose" };
  const answer = await call(address, "/v1/devices", { method: "POST", headers, body: enrolment });
  const enrolled = parseObject(answer.bytes, "answer to the enrolment");
  demand(answer.status === 201, "a fresh device was not new");
  demand(enrolled.device === device.thumbprint, "another device was enrolled");
  demand(thumbprint(enrolled.collector_key) === pinnedThumbprint, "enrolled with another collector key");

  const { body, signature, ids } = seal(device, makeSamples(Date.now()));
  const send = async () => {
    const headers = { "Content-Type": "application/vnd.maille.envelope", "Maille-Signature": signature };
    const reply = await call(address, "/v1/envelopes", { method: "POST", headers, body });
    demand(reply.status === 200, `the envelope got status ${reply.status}`);
    return { bytes: reply.bytes, verdicts: checkReceipt(reply.bytes.toString("latin1"), pinned, body, ids) };
  };
  const first = await send();
  const second = await send();
  demand(first.bytes.equals(second.bytes), "the same envelope got another receipt");
  const verdicts = first.verdicts.map((entry) => entry.verdict);
  demand(verdicts.join() === "stored,stored,stored,rejected", `unexpected verdicts: ${verdicts.join()}`);
  return { device: device.thumbprint, verdicts, same_receipt: true, rejected_rule: first.verdicts[3].rule };
}

// --- Golden vectors ---

function verifyGolden(directory) {
  const read = (name) => readFileSync(join(directory, name), "utf8");
  const value = (name) => read(name).replace(/\n$/, "");
  const keys = JSON.parse(read("keys.json"));
  const [device, collector] = [keys.device, keys.collector].map((key) => {
    const der = Buffer.from(`302e020100300506032b657004220420${key.seed_hex}`, "hex"); // RFC 8410
    const made = signer(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
    demand(made.jwk.x === key.jwk.x && made.thumbprint === key.thumbprint, "keys.json: a key or thumbprint is wrong");
    return made;
  });
  for (const name of ["enrolment", "measurement"]) {
    const payload = parseObject(verifyJws(value(`${name}.jws`), `maille-${name}`, device.jwk), name);
    demand(payload.collector === collector.thumbprint, `${name}: for another collector`);
    demand(name !== "enrolment" || thumbprint(payload.jwk) === device.thumbprint, "enrolment: of another key");
    demand(name !== "measurement" || INSTANT.test(payload.requested_at), "measurement: no instant");
    demand(signCompact(device, `maille-${name}`, payload) === value(`${name}.jws`), `${name}: signing gives other bytes`);
  }
  const body = Buffer.from(value("envelope.base64"), "base64");
  verifyJws(value("envelope.jws"), "maille-envelope", device.jwk, body);
  demand(signDetached(device, "maille-envelope", body) === value("envelope.jws"), "envelope: signing gives other bytes");
  demand(openBody(body).toString() === read("envelope.ndjson"), "envelope: holds other lines");
  const lines = value("envelope.ndjson").split("\n");
  demand(lines[0] === value("sample.ndjson"), "sample.ndjson is not the first line of the envelope");
  const verdicts = checkReceipt(value("receipt.jws"), collector.jwk, body, lines.map((line) => JSON.parse(line).id));
  demand(verdicts.map((entry) => entry.verdict).join() === "stored,duplicate,rejected", "receipt: other verdicts");
  return { golden: "ok" };
}

try {
  const [, , ...args] = process.argv;
  const golden = args[0] === "--golden" && args.length === 2;
  demand(golden || args.length === 3, "usage: client.mjs URL THUMBPRINT NOTICE_VERSION | --golden DIR");
  console.log(JSON.stringify(golden ? verifyGolden(args[1]) : await exchange(...args)));
} catch (error) {
  console.error(`client: ${String(error.message).replace(/\s+/g, " ")}`);
  process.exitCode = 1;
}
