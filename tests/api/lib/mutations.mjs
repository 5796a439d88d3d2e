// What can be wrong with a body, made out of a right one and its schema.

const JSON_TYPE = 'application/json';

/** A value that the schema's member may not have, for each JSON type: {string: 'x', …}. */
const samples = {
  string: 'x', integer: 1, number: 1.5, boolean: true, object: { a: 1 }, array: ['x'], null: null,
};

function typesOf(schema) {
  const types = [schema.type].flat();
  return types.includes('integer') ? [...types, 'integer'] : types;
}

/** Wrong values of one member: [what, value, where the complaint has to point]. */
function* wrongValues(schema, pointer) {
  const allowed = typesOf(schema);
  for (const [type, value] of Object.entries(samples))
    if (!allowed.includes(type)) yield [`${type} at ${pointer}`, value, pointer];
  if (schema.enum) yield [`an unknown word at ${pointer}`, 'tset', pointer];
  if (schema.minLength) yield [`too short at ${pointer}`, '', pointer];
  if (schema.maxLength) yield [`too long at ${pointer}`, 'x'.repeat(schema.maxLength + 1), pointer];
  if (schema.pattern) yield [`no id at ${pointer}`, 'acct_x', pointer];
  if (schema.contentEncoding) {
    yield [`no base64 at ${pointer}`, '%%%%', pointer];
    yield [`too few bytes at ${pointer}`, 'AAAA', pointer];
  }
  if (allowed.includes('integer')) {
    yield [`negative at ${pointer}`, -1, pointer];
    if (schema.maximum) yield [`too big at ${pointer}`, schema.maximum + 1, pointer];
    if (schema.minimum) yield [`too small at ${pointer}`, schema.minimum - 1, pointer];
  }
  if (allowed.includes('string') && !schema.enum)
    yield [`NUL at ${pointer}`, 'a\u0000b', ''];
  if (allowed.includes('string') && !schema.enum)
    yield [`text read from the right at ${pointer}`, 'a\u202eb', pointer];
  if (schema.type === 'array') {
    const word = schema.items.enum?.[0] ?? 'word';
    yield [`a number in ${pointer}`, [word, 7], `${pointer}/1`];
    yield [`a list in ${pointer}`, [[word]], `${pointer}/0`];
    yield [`an empty word in ${pointer}`, [''], `${pointer}/0`];
    yield [`a blank in a word in ${pointer}`, [`${word} x`], `${pointer}/0`];
    yield [`a word twice in ${pointer}`, [word, word], `${pointer}/1`];
    if (schema.items.enum) yield [`an unknown word in ${pointer}`, ['rot'], `${pointer}/0`];
    else yield [`an endless list at ${pointer}`, Array(3000).fill(word), pointer];
  }
}

/** Wrong as JSON, or as text, whatever the schema: [what, bytes, status, headers]. */
function* wrongTexts(body) {
  const text = JSON.stringify(body);
  const inside = text.slice(0, -1) + (text === '{}' ? '' : ',');
  const [first] = Object.entries(body);
  for (const part of [0.25, 0.5, 0.9]) {
    const cut = text.slice(0, Math.max(1, Math.floor(text.length * part)));
    yield [`cut off at ${part}`, cut];
  }
  yield ['a list', `[${text}]`];
  yield ['a text', JSON.stringify(text)];
  yield ['a number', '7'];
  yield ['null', 'null'];
  yield ['blanks', ' \n'];
  yield ['no JSON', 'name=x'];
  yield ['a comma too many', `${inside}}`.replace(/^\{\}$/, '{,}')];
  yield ['quotes of another kind', text.replaceAll('"', "'").replace(/^\{\}$/, "{'a':1}")];
  yield ['something after it', `${text}{}`];
  yield ['a NUL after it', `${text}\0`];
  yield ['a NUL in it', text.replace('{', '{\0')];
  yield ['a comment', text.replace('{', '{/* a */')];
  yield ['an unknown member', `${inside}"scope":1}`, 400, {}, '/scope'];
  yield ['a member without a name', `${inside}"":1}`];
  yield ['a member with a NUL in its name', `${inside}"\\u0000":1}`];
  yield ['a number that is too big', `${inside}"a":1e999}`];
  yield ['NaN', `${inside}"a":NaN}`];
  if (first) yield ['a member twice', `${inside}"${first[0]}":${JSON.stringify(first[1])}}`];
  yield ['lists to a depth of 10,000', `${inside}"a":${'['.repeat(10_000)}`];
  const deep = `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`;
  yield ['objects to a depth of 1,000', `${inside}"a":${deep}}`];
  yield ['a byte that is no UTF-8', Buffer.from(`${inside}"a\xff":1}`, 'latin1')];
  yield ['a surrogate in UTF-8', Buffer.from(`${inside}"\xed\xa0\x80":1}`, 'latin1')];
  yield ['a long form in UTF-8', Buffer.from(`${inside}"\xc0\xaf":1}`, 'latin1')];
  yield ['half a surrogate pair', `${inside}"a":"\\ud800"}`];
  yield ['UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le')];
  yield ['a byte order mark', `\ufeff${text}`];
}

/** Right as JSON, but not sent as such. */
function* wrongMessages(body, largest) {
  const text = JSON.stringify(body);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx',
    'application/json; charset=utf-16', 'multipart/form-data; boundary=x'])
    yield [`sent as ${type}`, text, 415, { 'Content-Type': type }];
  yield ['sent as nothing', text, 415, { 'Content-Type': '' }];
  yield ['said to be compressed', text, 415, { 'Content-Encoding': 'gzip' }];
  yield ['too large', `${text.slice(0, -1)}${' '.repeat(largest)}}`, 413];
}

/**
 * Every way in which `body` goes wrong: {what, bytes, status, headers, pointer}. `largest` is what
 * the operation takes at most, in bytes.
 */
export function* mutations(body, schema, largest) {
  for (const [what, bytes, status = 400, headers = {}, pointer] of
    [...wrongTexts(body), ...wrongMessages(body, largest)])
    yield { what, bytes, status, headers: { 'Content-Type': JSON_TYPE, ...headers }, pointer };
  for (const [name, member] of Object.entries(schema.properties ?? {}))
    for (const [what, value, pointer] of wrongValues(member, `/${name}`)) {
      const bytes = JSON.stringify({ ...body, [name]: value });
      yield { what, bytes, status: 400, headers: { 'Content-Type': JSON_TYPE }, pointer };
    }
  for (const name of schema.required ?? []) {
    const { [name]: _, ...rest } = body;
    const bytes = JSON.stringify(rest);
    const headers = { 'Content-Type': JSON_TYPE };
    yield { what: `no ${name}`, bytes, status: 400, headers, pointer: `/${name}` };
  }
}
