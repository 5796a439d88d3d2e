// The life of requests as files, on the running program: each case of tests/data/desk is one test,
// and so is each of tests/data/request, which the unit tests play without a server.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import yaml from 'js-yaml';
import { ROOT } from '../api/lib/vault.mjs';
import { Story } from './lib/story.mjs';
import { World } from './lib/world.mjs';

const DATA = path.join(ROOT, 'tests/data');
/** Folders of cases, the policy of those that name none, and whether their logs tell everything. */
const FOLDERS = {
  desk: { policy: {}, telling: true },
  request: { policy: 'plain', telling: false }, // there no server does anything by itself
};
const CASES_MIN = 60;

const read = (file) => yaml.load(readFileSync(file, 'utf8'), { filename: file });
const world = await World.open(...Object.keys(FOLDERS).map((one) => path.join(DATA, one)));
after(() => world.close());

/** A folder's cases, by name: a file of policy has no steps. */
function* casesOf(folder) {
  for (const name of readdirSync(path.join(DATA, folder)).sort()) {
    if (!/\.(yaml|json)$/.test(name)) continue;
    const play = read(path.join(DATA, folder, name));
    if (play.steps) yield [`${folder}/${path.parse(name).name}`, play];
  }
}

const wanted = new RegExp(process.env.CASE ?? '');
for (const [folder, defaults] of Object.entries(FOLDERS)) {
  const cases = [...casesOf(folder)];
  test(`tests/data/${folder} has enough cases`, () => assert.ok(cases.length >= CASES_MIN));
  for (const [name, play] of cases.filter(([one]) => wanted.test(one)))
    test(`${name}: ${play.why}`, () => new Story(world).play({ ...defaults, ...play }));
}
