// A client in another language, written from docs/protocol.md alone, with nothing but what Node.js brings along.
// node client.mjs URL THUMBPRINT PRIVACY_NOTICE_VERSION: enrols, sends an envelope, sends it again, and prints as JSON
// what it found. `node client.mjs --golden DIRECTORY` checks the golden vectors instead.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const expect = (holds, what) => {
  if (!holds) throw new Error(`expected ${what}`);
};

// -- §2.1 to 2.3: base64url, keys, signatures

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

function publicJwk(key) {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return { crv: "Ed25519", kty: "OKP", x };
}

const thumbprint = ({ x }) => createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest("base64url");

function signCompact(payload, key, typ) {
  const header = { alg: "Ed25519", kid: thumbprint(publicJwk(key)), typ };
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  return `${input}.${base64url(sign(null, Buffer.from(input), key))}`;
}

function signDetached(body, key, typ) {
  const header = { alg: "Ed25519", b64: false, crit: ["b64"], kid: thumbprint(publicJwk(key)), typ };
  const encoded = base64url(JSON.stringify(header));
  return `${encoded}..${base64url(sign(null, Buffer.concat([Buffer.from(`${encoded}.`), body]), key))}`;
}

function openCompact(jws, jwk, typ) {
  const parts = jws.split(".");
  expect(parts.length === 3, "three parts");
  const header = JSON.parse(Buffer.from(parts[0], "base64url"));
  expect(["Ed25519", "EdDSA"].includes(header.alg), "alg Ed25519");
  expect(header.typ === typ, `typ ${typ}`);
  expect(header.kid === thumbprint(jwk), "kid of the pinned key");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const holds = verify(null, Buffer.from(`${parts[0]}.${parts[1]}`), key, Buffer.from(parts[2], "base64url"));
  expect(holds, "a signature that holds");
  return JSON.parse(Buffer.from(parts[1], "base64url"));
}

function detachedHolds(jws, body, jwk) {
  const [header, payload, signature] = jws.split(".");
  expect(payload === "", "a detached payload");
  const input = Buffer.concat([Buffer.from(`${header}.`), body]);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  return verify(null, input, key, Buffer.from(signature, "base64url"));
}

// -- §2.6: identifiers

function uuid7(milliseconds) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// -- §6, 7: envelope and receipt

async function send(url, body, signature) {
  const answer = await fetch(`${url}/v1/envelopes`, {
    method: "POST",
    redirect: "error",
    headers: { "Content-Type": "application/vnd.maille.envelope", "Maille-Signature": signature },
    body,
  });
  const text = await answer.text();
  return { status: answer.status, type: answer.headers.get("Content-Type").split(";")[0], text };
}

function openReceipt(text, body, jwk) {
  const receipt = openCompact(text.trim(), jwk, "maille-receipt");
  expect(receipt.envelope_sha256 === createHash("sha256").update(body).digest("hex"), "a receipt of this envelope");
  return receipt;
}

async function talk(url, givenThumbprint, noticeVersion) {
  const status = await (await fetch(`${url}/v1/status`, { redirect: "error" })).json();
  const collector = status.collector_key;
  expect(thumbprint(collector) === givenThumbprint, "the thumbprint that came with the address");
  expect(status.privacy_notice.version === noticeVersion, "the notice that the person read");

  const key = generateKeyPairSync("ed25519").privateKey;
  const jwk = publicJwk(key);
  const enrolment = signCompact(
    { jwk, collector: givenThumbprint, privacy_notice_version: noticeVersion },
    key,
    "maille-enrolment",
  );
  const enrol = () =>
    fetch(`${url}/v1/devices`, {
      method: "POST",
      redirect: "error",
      headers: { "Content-Type": "application/jose" },
      body: enrolment,
    });
  const enrolled = await enrol();
  const device = await enrolled.json();
  expect(device.device === thumbprint(jwk), "our own thumbprint");
  const enrolledAgain = (await enrol()).status;

  const now = Date.now();
  const place = { latitude: 47.29101, longitude: 3.95177, accuracy_m: 6, position_source: "gnss", sim_plmn: "20801" };
  const common = { measured_at: new Date(now).toISOString(), client: "protocol-client 1", context: "outdoor", ...place };
  const samples = [
    { id: uuid7(now), seq: 1, kind: "signal", ...common, service_state: "in_service", rat: "lte", lte_rsrp_dbm: -111.5 },
    { id: uuid7(now), seq: 2, kind: "service", ...common, service_state: "no_service", service_evidence: "strong" },
    { id: uuid7(now), seq: 3, kind: "throughput", ...common, outcome: "timeout", device_model: "Téléphone d’essai" },
    { id: uuid7(now), seq: 4, kind: "signal", ...common, latitude: 91 },
  ];
  const lines = samples.map((sample) => JSON.stringify(sample));
  lines.push(lines[0], '{"id":');
  const body = gzipSync(lines.map((line) => `${line}\n`).join(""));
  const signature = signDetached(body, key, "maille-envelope");

  const first = await send(url, body, signature);
  expect(first.status === 200 && first.type === "application/jose", `a receipt, got ${first.status} ${first.text}`);
  const receipt = openReceipt(first.text, body, collector);
  const second = await send(url, body, signature);
  const tampered = await send(url, Buffer.concat([body, Buffer.from([0])]), signature);

  const [header, payload, mark] = first.text.trim().split(".");
  const forged = `${header}.${payload.replace(/^./, (letter) => (letter === "e" ? "f" : "e"))}.${mark}`;
  let forgedRefused = false;
  try {
    openReceipt(forged, body, collector);
  } catch {
    forgedRefused = true;
  }
  return {
    enrolled: enrolled.status,
    enrolled_again: enrolledAgain,
    device: device.device,
    tier: device.tier,
    samples,
    receipt,
    same_receipt: second.status === 200 && second.text === first.text,
    tampered: { status: tampered.status, ...JSON.parse(tampered.text) },
    forged_refused: forgedRefused,
  };
}

// -- the golden vectors

function golden(directory) {
  const read = (name) => readFileSync(join(directory, name), "utf8");
  const keys = JSON.parse(read("keys.json"));
  for (const { seed_hex, jwk, thumbprint: expected } of Object.values(keys)) {
    const prefix = Buffer.from("302e020100300506032b657004220420", "hex"); // PKCS #8 around a seed, RFC 8410
    const key = createPrivateKey({ key: Buffer.concat([prefix, Buffer.from(seed_hex, "hex")]), format: "der", type: "pkcs8" });
    expect(publicJwk(key).x === jwk.x && thumbprint(jwk) === expected, "the key and thumbprint of the seed");
  }
  const device = keys.device.jwk;
  const body = Buffer.from(read("envelope.base64"), "base64");
  expect(detachedHolds(read("envelope.jws").trim(), body, device), "the envelope's signature to hold");
  expect(gunzipSync(body).equals(readFileSync(join(directory, "envelope.ndjson"))), "the lines of the envelope");
  return {
    enrolment: openCompact(read("enrolment.jws").trim(), device, "maille-enrolment"),
    measurement: openCompact(read("measurement.jws").trim(), device, "maille-measurement"),
    receipt: openReceipt(read("receipt.jws"), body, keys.collector.jwk),
  };
}

const [first, ...rest] = process.argv.slice(2);
console.log(JSON.stringify(first === "--golden" ? golden(rest[0]) : await talk(first, ...rest)));
