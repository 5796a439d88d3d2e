#!/usr/bin/env node
// A second verifier of the audit log's exports and receipts, which shares nothing with the program
// but the document that describes them (docs/audit.md): another language, another JSON parser,
// another SHA-256 and another Ed25519, and the tree by the definitions of RFC 6962 rather than by
// the loops of RFC 9162.
//
//   verifier.mjs FILE [--verifier KEY] [--checkpoint FILE]
//
// prints {"valid", "first_bad", "entries", "why"} and exits with 0 only if there is no doubt.
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LINE_MAX = 32768;
const ED25519 = 1;
const SPKI = Buffer.from('302a300506032b6570032100', 'hex'); // RFC 8410, before the 32 bytes

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
export const leafHash = (data) => sha256(Buffer.of(0), data);
export const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** The largest power of two below the size: where a tree is divided. */
const splitOf = (size) => {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
};

/** The root over an array of leaf hashes: section 2.1, word by word. */
export function rootOf(leaves) {
  if (leaves.length === 0) return sha256('');
  if (leaves.length === 1) return leaves[0];
  const half = splitOf(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

/** How many hashes the audit path of a leaf has. */
export const pathLength = (index, size) => {
  if (size === 1) return 0;
  const half = splitOf(size);
  return 1 + (index < half ? pathLength(index, half) : pathLength(index - half, size - half));
};

/** The root that a leaf and its path make; the path ends with the topmost hash. */
export function rootByPath(leaf, index, size, path) {
  if (size === 1) {
    if (path.length > 0) throw new Error('the path is too long');
    return leaf;
  }
  if (path.length === 0) throw new Error('the path is too short');
  const [rest, sibling] = [path.slice(0, -1), path.at(-1)];
  const half = splitOf(size);
  return index < half
    ? nodeHash(rootByPath(leaf, index, half, rest), sibling)
    : nodeHash(sibling, rootByPath(leaf, index - half, size - half, rest));
}

/** [old root, new root] that a consistency proof makes of the old root: section 2.1.2. */
export function rootsByConsistency(from, size, oldRoot, proof, whole = true) {
  if (from === size) {
    if (proof.length !== (whole ? 0 : 1)) throw new Error('the proof has a wrong length');
    return whole ? [oldRoot, oldRoot] : [proof[0], proof[0]];
  }
  if (proof.length === 0) throw new Error('the proof is too short');
  const [rest, sibling] = [proof.slice(0, -1), proof.at(-1)];
  const half = splitOf(size);
  if (from <= half) {
    const [before, after] = rootsByConsistency(from, half, oldRoot, rest, whole);
    return [before, nodeHash(after, sibling)];
  }
  const [before, after] = rootsByConsistency(from - half, size - half, oldRoot, rest, false);
  return [nodeHash(sibling, before), nodeHash(sibling, after)];
}

/** Base64 that is written as it must be, to the last bit. */
function unbase64(text, length) {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  if (bytes.toString('base64') !== text || (length && bytes.length !== length))
    throw new Error('this is not base64 of the right length');
  return bytes;
}

/** "name+id+key" as {name, id, publicKey}. */
export function parseKey(text) {
  const [, name, hex, base64] = /^([!-*,-~]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  if (!name) throw new Error('this is no verifier key');
  const typed = unbase64(base64, 33);
  const id = sha256(name, '\n', typed).subarray(0, 4);
  if (typed[0] !== ED25519 || !id.equals(Buffer.from(hex, 'hex')))
    throw new Error('this verifier key is of another kind, or not what its id says');
  return { name, id, publicKey: typed.subarray(1) };
}

/** A signed checkpoint as {origin, size, root}; throws unless it is signed by the key. */
export function openCheckpoint(note, key) {
  const [, text, signatures] = /^((?:[^\n]+\n){3,})\n((?:— [^\n]+\n)+)$/.exec(note) ?? [];
  if (!text) throw new Error('this is no signed checkpoint');
  const spki = Buffer.concat([SPKI, key.publicKey]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  let isSigned = false;
  for (const line of signatures.split('\n').filter(Boolean)) {
    const [, name, base64] = /^— ([^ ]+) (.+)$/.exec(line) ?? [];
    const bytes = unbase64(base64);
    if (name !== key.name || !bytes.subarray(0, 4).equals(key.id)) continue;
    if (!verifySignature(null, Buffer.from(text), publicKey, bytes.subarray(4)))
      throw new Error('the checkpoint has a wrong signature');
    isSigned = true;
  }
  const [origin, size, root] = text.split('\n');
  if (!isSigned || origin !== key.name) throw new Error('the checkpoint is not signed by the key');
  if (!/^(0|[1-9][0-9]*)$/.test(size)) throw new Error('the checkpoint has no size');
  return { origin, size: Number(size), root: unbase64(root, 32) };
}

/** All the checkpoints of a file of notes, or of the server's answer. */
function openKept(text, key) {
  const notes = text.trimStart().startsWith('{') ? JSON.parse(text).checkpoint : text;
  const found = notes.match(/(?:[^\n—][^\n]*\n)+\n(?:— [^\n]+\n)+/g) ?? [];
  if (found.length === 0) throw new Error('no checkpoint was kept');
  return found.map((note) => openCheckpoint(note, key)).sort((a, b) => a.size - b.size);
}

class Bad extends Error {
  constructor(index, why) {
    super(why);
    this.index = index;
  }
}

function check(index, that, why) {
  if (!that) throw new Bad(index, why);
}

/** A line that is the compact JSON of what it says, and nothing else. */
function parseLine(line, members, index) {
  let value = null;
  try {
    value = JSON.parse(line);
  } catch {
    // It is refused below.
  }
  check(index, value && JSON.stringify(value) === line && line.length <= LINE_MAX &&
    Object.keys(value).length === members, 'the line is not one of an export');
  return value;
}

/** The leaf hash of an entry that has the right number, detail, and place in the signed tree. */
function checkEntry({ entry, detail, proof }, index, { size, root }, before) {
  check(index, entry?.index === index, 'another entry stands in its place');
  check(index, detail === null || typeof detail === 'string', 'its detail is none');
  const digest = detail === null ? null : sha256(detail).toString('base64');
  check(index, entry.detail_hash === digest, 'its detail is not the one that was hashed');
  const inherited = pathLength(index, size) - (Array.isArray(proof) ? proof.length : NaN);
  check(index, inherited >= 0 && inherited <= before.length, 'its proof is none');
  const leaf = leafHash(JSON.stringify(entry));
  try {
    const path = [...proof.map((text) => unbase64(text, 32)),
      ...before.slice(before.length - inherited)];
    check(index, rootByPath(leaf, index, size, path).equals(root), 'it is not in the signed tree');
    return { leaf, path };
  } catch (error) {
    throw new Bad(index, error.message);
  }
}

/** Checks an export line by line. A clone of it goes on from where it was. */
export class Export {
  next = 0;
  path = [];
  peaks = []; // roots of complete subtrees, the largest first: [{size, hash}]
  kept = [];

  /** `key` and `kept` are texts that were kept elsewhere; either may be missing. */
  constructor(line, { key, kept } = {}) {
    if (line === undefined) return;
    const head = parseLine(line, 2, null);
    try {
      this.key = parseKey(key ?? head.verifier_key);
      this.state = openCheckpoint(head.checkpoint, this.key);
      if (kept) this.kept = openKept(kept, this.key);
    } catch (error) {
      throw new Bad(null, error.message);
    }
  }

  clone() {
    return Object.assign(new Export(), this, { peaks: [...this.peaks], kept: [...this.kept] });
  }

  #meetKept() {
    while (this.kept[0]?.size === this.next) {
      const root = this.peaks.length === 0 ? sha256('') : this.peaks.map(({ hash }) => hash)
        .reduceRight((right, left) => nodeHash(left, right));
      check(this.good ?? 0, this.kept[0].root.equals(root), 'a kept checkpoint says otherwise');
      this.good = this.kept.shift().size;
    }
  }

  line(line) {
    check(this.next, this.next < this.state.size, 'the checkpoint has no more entries');
    if (this.next === 0) this.#meetKept();
    const value = parseLine(line, 3, this.next);
    const { leaf, path } = checkEntry(value, this.next, this.state, this.path);
    this.path = path;
    this.peaks.push({ size: 1, hash: leaf });
    while (this.peaks.length > 1 && this.peaks.at(-2).size === this.peaks.at(-1).size) {
      const [left, right] = this.peaks.splice(-2);
      this.peaks.push({ size: left.size * 2, hash: nodeHash(left.hash, right.hash) });
    }
    this.next++;
    this.#meetKept();
  }

  end() {
    check(this.next, this.next === this.state.size, 'it is missing');
    check(this.next, this.kept.length === 0, 'it is cut off: a kept checkpoint has more');
  }
}

const told = (error, entries) => {
  if (!(error instanceof Bad)) throw error;
  return { valid: false, first_bad: error.index, entries, why: error.message };
};

/** Text, or `undefined` for bytes that are none. */
function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The lines of a stream; what has no newline comes last, as `undefined`. */
async function* linesOf(stream) {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    for (let end; (end = rest.indexOf(10)) >= 0; rest = rest.subarray(end + 1))
      yield decode(rest.subarray(0, end));
    if (rest.length > 4 * LINE_MAX) break;
  }
  if (rest.length > 0) yield undefined;
}

/** Checks the lines of an export: an iterable, asynchronous or not. */
export async function verifyExport(lines, trusted = {}) {
  let log;
  try {
    for await (const line of lines) {
      check(log ? log.next : null, line !== undefined, 'the line is cut off or no text');
      if (log) log.line(line);
      else log = new Export(line, trusted);
    }
    check(null, log, 'the file is empty');
    log.end();
    return { valid: true, first_bad: null, entries: log.state.size, why: null };
  } catch (error) {
    return told(error, log?.state.size ?? 0);
  }
}

/** Checks a receipt, or what has one as its member. */
export function verifyReceipt(answer, { key, kept } = {}) {
  const receipt = answer?.receipt ?? answer;
  try {
    if (!key) throw new Bad(null, 'a receipt does not bring its key');
    const state = openCheckpoint(receipt.checkpoint, parseKey(key));
    check(receipt.index, receipt.index >= 0 && receipt.index < state.size, 'no such entry');
    const { leaf } = checkEntry(receipt, receipt.index, state, []);
    check(receipt.index, leaf.toString('base64') === receipt.hash, 'its hash is another');
    const same = kept && openKept(kept, parseKey(key)).find(({ size }) => size === state.size);
    check(null, !kept || same?.root.equals(state.root), 'no kept checkpoint says so');
    return { valid: true, first_bad: null, entries: state.size, why: null };
  } catch (error) {
    return told(error instanceof Bad ? error : new Bad(null, error.message), 0);
  }
}

async function main(args) {
  const option = (name) => {
    const at = args.indexOf(name);
    return at < 0 ? undefined : args.splice(at, 2)[1];
  };
  const key = option('--verifier');
  const checkpoint = option('--checkpoint');
  const trusted = { key, kept: checkpoint && readFileSync(checkpoint, 'utf8') };
  const [file] = args;
  const lines = linesOf(createReadStream(file));
  const first = await lines.next();
  const isExport = typeof first.value === 'string' && first.value.includes('"verifier_key"');
  async function* all() {
    if (!first.done) yield first.value;
    yield* lines;
  }
  const verdict = isExport ? await verifyExport(all(), trusted)
    : verifyReceipt(JSON.parse(readFileSync(file, 'utf8')), trusted);
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  return verdict.valid ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`${error.message}\n`);
    return 1;
  });
