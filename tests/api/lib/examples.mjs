// What a document prints, as a reader would try it.
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { PROGRAM, ROOT, temporaryFolder } from './vault.mjs';

export const readDocument = (name) => readFile(path.join(ROOT, 'docs', name), 'utf8');
/** The first block of that language. */
export const blockOf = (text, language) =>
  new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(text)[1];

/**
 * A folder with `countersign` on the PATH, and the vault's as `vault-data` where there is one:
 * {folder, run(program, args, input), play(script)}. `play` runs a block of shell against the
 * vault. Both give {status, stdout, stderr}.
 */
export async function readerFolder(t, vault) {
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, 'bin'));
  await symlink(PROGRAM, path.join(folder, 'bin/countersign'));
  await symlink(path.join(ROOT, 'tests/node_modules'), path.join(folder, 'node_modules'));
  if (vault) await symlink(vault.data, path.join(folder, 'vault-data'));
  const env = { PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, HOME: folder };
  const run = (program, args, input = '') => new Promise((resolve) => {
    const child = execFile(program, args, { cwd: folder, env },
      (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
  const play = (script) =>
    run('bash', ['-ec', script.replace('http://127.0.0.1:8470', vault.url)]);
  return { folder, run, play };
}
