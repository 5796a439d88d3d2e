// What somebody with the data file and without the root key can do: see and change sealed rows.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { PROGRAM } from '../../api/lib/vault.mjs';

const TOOL = path.join(path.dirname(PROGRAM), 'tests/fault/tools/rows');
const run = promisify(execFile);

/** The tables by the names that the program has for them; the numbers are vault/row.h's. */
export const tables = {
  keyring: 0, account: 1, suspension: 2, user: 3, user_by_email: 4, access: 5, access_by_user: 6,
  credential: 7, credential_by_account: 8, claim: 10, request: 11,
  request_index: 12, request_count: 13, grant: 14, due: 15, audit: 16, audit_head: 17,
  usage_day: 18, usage_last: 19, replay: 20, meta: 21, audit_tile: 22,
  request_panel: 23, request_queue: 24, request_stale: 25, request_seen: 26, kept_secret: 27,
};

/** The rows of a vault that does not run. */
export class Rows {
  #folder;

  constructor(vault) {
    this.#folder = path.join(vault.data, 'vault');
  }

  /** [{key, value}], both as hex, in the order of the keys. */
  async list(table) {
    const { stdout } = await run(TOOL, [this.#folder, 'list', `${tables[table]}`],
      { maxBuffer: 1 << 28 });
    return stdout.split('\n').filter(Boolean).map((line) => {
      const [key, value] = line.split(' ');
      return { key, value };
    });
  }

  put(table, { key, value }) {
    return run(TOOL, [this.#folder, 'put', `${tables[table]}`, key, value]);
  }

  delete(table, { key }) {
    return run(TOOL, [this.#folder, 'delete', `${tables[table]}`, key]);
  }
}

/** The value with one bit of one byte turned; `at` is from 0, or from the end if negative. */
export function flipped({ key, value }, at) {
  const bytes = Buffer.from(value, 'hex');
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return { key, value: bytes.toString('hex') };
}
