// Tokens as they look, made by nothing of the program's: for what has to be told from real ones.
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const KINDS = ['test', 'live', 'id', 'claim', 'user', 'svc', 'code', 'at', 'rt'];

const TABLE = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** The CRC-32 of a text, as six characters of base62. */
function checksum(text) {
  let crc = 0xffffffff;
  for (const c of Buffer.from(text)) crc = TABLE[(crc ^ c) & 255] ^ (crc >>> 8);
  let sum = (crc ^ 0xffffffff) >>> 0;
  let digits = '';
  for (let i = 0; i < 6; i++, sum = Math.floor(sum / 62)) digits = ALPHABET[sum % 62] + digits;
  return digits;
}

/** So many characters that tokens are made of. */
export function noise(random, length) {
  return Array.from({ length }, () => ALPHABET[Math.floor(random() * 62)]).join('');
}

/** A token of the right form, with the right checksum, that no vault has minted. */
export function forgeToken(random, kind, brand = 'cs') {
  const head = `${brand}_${kind}_0${noise(random, 32)}`; // a handle is less than 2^64
  return head + checksum(head);
}
