// The contract that the program publishes about itself, and the judge of its answers: every answer
// that the tests receive is held against /openapi.json. What the document does not say may not
// come: no other status, no other media type, no member without a description.
import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const TOKEN = /\b[a-z][a-z0-9]*_(?:test|live|claim|user|svc|code|at|rt)_[0-9A-Za-z]{39}\b/;
const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options'];

export class Contract {
  #document;
  #ajv;
  #paths;

  constructor(document) {
    this.#document = closed(document);
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
    addFormats(this.#ajv);
    this.#ajv.addSchema(this.#document, 'openapi');
    this.#paths = Object.keys(document.paths).map(matcher);
    // Of two templates that fit, the one with fewer variables is meant.
    this.#paths.sort((a, b) => a.variables - b.variables);
  }

  /** The template in the document that a request's path falls under, or undefined. */
  template(path) {
    const plain = path.split('?')[0];
    return this.#paths.find(({ pattern }) => pattern.test(plain))?.template;
  }

  /** Every [method, template, operation] of the document. */
  *operations() {
    for (const [template, item] of Object.entries(this.#document.paths))
      for (const method of METHODS)
        if (item[method]) yield [method.toUpperCase(), template, item[method]];
  }

  /** Throws unless the answer to `method path` is one that the document describes. */
  check(method, path, answer) {
    const where = `${method} ${path.split('?')[0]} -> ${answer.status}`;
    assert.match(answer.headers['x-request-id'] ?? '', /^[A-Za-z0-9._-]{1,64}$/, `${where}: id`);
    if (TOKEN.test(answer.text))
      assert.equal(answer.headers['cache-control'], 'no-store', `${where}: holds a secret`);

    const pointer = this.#response(method, path, answer, where);
    if (!pointer) return;
    const described = at(this.#document, pointer);
    for (const name of Object.keys(described.headers ?? {}))
      if (this.follow(described.headers[name]).required)
        assert.ok(name.toLowerCase() in answer.headers, `${where}: no header ${name}`);
    this.#content(method, pointer, described, answer, where);
  }

  /** Where the document describes this answer, as a list of keys; undefined: judged here. */
  #response(method, path, answer, where) {
    const template = this.template(path);
    const item = template && this.#document.paths[template];
    const name = method.toLowerCase();
    const operation = item?.[name] ?? (this.#takesAny(template, method) ? item?.get : undefined);
    if (!operation) return this.#undescribed(method, item, answer, where);
    const key = [`${answer.status}`, `${answer.status}`[0] + 'XX', 'default'].find(
      (status) => operation.responses[status]);
    assert.ok(key, `${where}: status is not in the document`);
    const pointer = ['paths', template, item[name] ? name : 'get', 'responses', key];
    const reference = at(this.#document, pointer).$ref;
    return reference ? fromReference(reference) : pointer;
  }

  #takesAny(template, method) {
    return method === 'HEAD' || template?.endsWith('*');
  }

  /** What no operation describes is refused, and as a problem; but OPTIONS is for every path. */
  #undescribed(method, item, answer, where) {
    if (item && method === 'OPTIONS' && answer.status === 204) {
      assert.ok(answer.headers.allow, `${where}: without Allow`);
      return undefined;
    }
    const expected = item ? [400, 405, 501] : [400, 401, 404, 405, 414, 501];
    assert.ok(expected.includes(answer.status), `${where}: is in no document`);
    if (answer.status === 405) assert.ok(answer.headers.allow, `${where}: without Allow`);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/,
      `${where}: is no problem`);
    this.#schema(['components', 'schemas', 'problem'], answer, where);
    return undefined;
  }

  #content(method, pointer, described, answer, where) {
    if (!described.content || method === 'HEAD') {
      assert.equal(answer.text, '', `${where}: a body where the document has none`);
      return;
    }
    const type = (answer.headers['content-type'] ?? '').split(';')[0].trim();
    const media = described.content[type];
    assert.ok(media, `${where}: content type '${type}' is not in the document`);
    if (!/[/+]json$/.test(type) || !media.schema) return;
    this.#schema([...pointer, 'content', type, 'schema'], answer, where);
  }

  #schema(pointer, answer, where) {
    const validate = this.#ajv.getSchema(`openapi${pointerText(pointer)}`);
    assert.ok(validate, `${where}: no schema at ${pointerText(pointer)}`);
    if (!validate(answer.body))
      assert.fail(`${where}: ${this.#ajv.errorsText(validate.errors)}\n${redacted(answer.text)}`);
  }

  /** A node of the document, or what it refers to. */
  follow(node) {
    return node.$ref ? at(this.#document, fromReference(node.$ref)) : node;
  }
}

/** "/v1/users/{id}" as a pattern: a variable is one segment; a last "/*" is anything or nothing. */
function matcher(template) {
  const open = template.endsWith('/*');
  const parts = (open ? template.slice(0, -2) : template).split(/(\{[^}]*\})/);
  const escaped = parts.map((part, index) =>
    index % 2 ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${escaped.join('')}${open ? '(/.*)?' : ''}$`);
  return { template, pattern, variables: (parts.length - 1) / 2 + (open ? 100 : 0) };
}

/** A copy in which no object has members that its schema does not name. */
function closed(document) {
  const copy = structuredClone(document);
  const parts = new Set(); // what an allOf is put together from has to stay open
  walk(copy, (node) => node.allOf?.forEach((part) => parts.add(part.$ref ?? part)));
  walk(copy, (node, pointer) => {
    if (!node.properties || typeof node.properties !== 'object' || node.allOf) return;
    if (parts.has(node) || parts.has(pointerText(pointer))) return;
    node.additionalProperties ??= false;
  });
  return copy;
}

function walk(node, visit, pointer = []) {
  if (node === null || typeof node !== 'object') return;
  if (!Array.isArray(node)) visit(node, pointer);
  for (const [key, value] of Object.entries(node)) walk(value, visit, [...pointer, key]);
}

function at(document, pointer) {
  return pointer.reduce((node, key) => node?.[key], document);
}

function pointerText(pointer) {
  const escaped = pointer.map((key) =>
    encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')));
  return `#/${escaped.join('/')}`;
}

function fromReference(reference) {
  return reference.slice(2).split('/').map((key) =>
    decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'));
}

function redacted(text) {
  return text.replace(new RegExp(TOKEN, 'g'), (token) => `${token.slice(0, 10)}…`).slice(0, 2000);
}
