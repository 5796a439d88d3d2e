// The desk against a model of it: thousands of operations by many people, drawn at random, on the
// server and on the model at the same time. Each account is played in order, so that each answer is
// foretold; several accounts are played at once, and now and then several people act at the same
// moment, where the answers and the log have to be those of some order.
//
// MODEL_SEED repeats a run, MODEL_STEPS is how many operations it has at least.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { blame, Table } from './lib/table.mjs';

const SEED = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);
const STEPS = Number(process.env.MODEL_STEPS ?? 10_000);
const PLAYERS = 4;
const TURN = 12; // draws of each player between two events
const LIFE = 8; // turns of a player: then another account takes the place
const TRIES = 60; // replays on the way to a shorter tail

const table = await Table.lay(SEED);
after(() => table.close());

/** One account from its beginning: the player, and what it has to begin with to be played again. */
async function seat(seed) {
  return { seed, standing: table.standing, player: await table.join(seed) };
}

/** All of them play at once, and then the hours pass; each failure is somebody's. */
async function playTurn(chairs) {
  const players = chairs.map(({ player }) => player);
  const ends = await Promise.allSettled(players.map((player) => blame(player, player.play(TURN))));
  const bad = ends.find(({ status }) => status === 'rejected');
  if (bad) throw bad.reason;
  for (const event of table.draw()) {
    for (const player of players) player.history.push(event);
    await table.happen(event, players);
  }
}

/** Whether a history fails when it is played again; resolves to the error. */
async function replay({ seed, standing }, history) {
  await table.reset(standing);
  const player = await table.join(seed);
  try {
    for (const moves of history) {
      if (moves.event) await table.happen(moves, [player]);
      else await player.perform(moves);
    }
    await player.checkAll();
  } catch (error) {
    return error;
  }
  return null;
}

/** Leaves out what can be left out, in ever smaller pieces. */
async function shorten(chair, history, error) {
  let [shortest, why, tries] = [history, error, 0];
  for (let size = Math.ceil(history.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.length && tries < TRIES; tries++) {
      const shorter = shortest.filter((_, index) => index < at || index >= at + size);
      const failed = await replay(chair, shorter);
      if (failed) [shortest, why] = [shorter, failed];
      else at += size;
    }
  }
  return { shortest, why, again: await replay(chair, shortest) };
}

/** Fails with the seed and the shortest tail that still does. */
async function explain(chair, error) {
  const history = chair.player.history.slice();
  const { shortest, why, again } = await shorten(chair, history, error);
  const lines = shortest.map((moves) => JSON.stringify(moves));
  assert.fail([`${error.message}\n\nMODEL_SEED=${SEED}; account ${chair.seed} begins with`,
    JSON.stringify(chair.standing), again ? 'and this fails as well:' : 'and after all of this:',
    ...lines, `\nwith: ${why.message}`].join('\n'));
}

test(`${STEPS} operations are what the model says (MODEL_SEED=${SEED})`, async (t) => {
  let seed = SEED;
  let left = 0; // operations of players who left
  let steps = 0;
  const chairs = [];
  for (let turn = 0; steps < STEPS; turn++) {
    for (let i = 0; i < PLAYERS; i++)
      if (turn === 0 || (turn + i * 2) % LIFE === 0) {
        left += chairs[i]?.player.steps ?? 0;
        chairs[i] = await seat(++seed);
      }
    await playTurn(chairs).catch((error) => {
      const chair = chairs.find(({ player }) => player === error.player);
      return chair ? explain(chair, error) : Promise.reject(error);
    });
    steps = left + chairs.reduce((sum, { player }) => sum + player.steps, 0);
  }
  t.diagnostic(`${steps} operations`);
});
