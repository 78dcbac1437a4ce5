/**
 * @file WGSL with includes, loops and named operations, turned into plain WGSL and into what a launcher must know of it. Files come from a
 * function, so that nothing here touches a disk.
 *
 *   //#include "shared/x.wgsl" with SIZE = 4, TYPE = vec4f    the lines of that file (a path from shaders/), which sees these names alone
 *   //#for i in 0..7 {   ...   //#}                           its lines for i = 0 to 6
 *   //#for c, i in x y z w {   ...   //#}                     its lines for each word c and its place i
 *   //#operations {   case neg { ... }   ...   //#}           arms of a switch by name; `default neg { ... }` is the last arm's form
 *   ${i}, ${4 * i + 1}                                        a name's value, or whole-number arithmetic: + - * / % min max ( )
 *
 * Comments, indentation and empty lines are for who reads shaders/: they are not in the code that a page downloads. What remains keeps its
 * lines, and `node scripts/shaders.mjs NAME` prints each with its number in a compiler's message and the file and line that it came from.
 */

/** What is wrong with a shader, and where. */
export class WgslError extends Error {
  constructor(file, line, message) {
    super(`shaders/${file}:${line}: ${message}`);
    this.name = 'WgslError';
  }
}

/** The shader of a file: plain WGSL, uniforms in the struct's order, entry points, override constants and numbers of operations. */
export function compileShader(file, read) {
  const operations = {};
  const lines = expandFile(file, new Map(), { read, operations, within: [] })
    .map((line) => ({ ...line, text: withoutComment(line).trim() }))
    .filter(({ text }) => text !== '');
  const code = `${lines.map(({ text }) => text).join('\n')}\n`;
  return {
    name: file.replace(/\.wgsl$/, ''),
    code,
    lines,
    uniforms: uniformsOf(code, lines, file),
    entryPoints: [...code.matchAll(/@compute\b[^{;]*?\bfn\s+(\w+)/g)].map(([, name]) => name),
    overrides: [...code.matchAll(/\boverride\s+(\w+)/g)].map(([, name]) => name),
    operations,
  };
}

/** WGSL has no strings, so that two slashes always start a comment. */
function withoutComment({ text, file, line }) {
  const code = text.replace(/\/\/.*$/, '');
  if (/\/\*|\*\//.test(code)) throw new WgslError(file, line, 'a comment starts with // and ends with its line');
  return code;
}

/** The TypeScript module of these shaders: a constant for each, named after its path. */
export function moduleOf(shaders) {
  const constants = shaders.map((shader) => {
    const { name, code, uniforms, entryPoints, overrides, operations } = shader;
    const rows = [
      `name: ${literal(name)}`,
      `uniforms: ${record(uniforms)}`,
      `entryPoints: [${entryPoints.map(literal).join(', ')}]`,
      `overrides: [${overrides.map(literal).join(', ')}]`,
      `operations: ${record(operations)}`,
      `code: /* wgsl */ \`${code.replace(/[`\\]|\$\{/g, '\\$&')}\` as string`,
    ];
    return `/** shaders/${name}.wgsl */\nexport const ${identifierOf(name)} = {\n${rows.map((row) => `  ${row},\n`).join('')}} as const;\n`;
  });
  return `/** @file Made by scripts/shaders.mjs from shaders/. Do not edit. */\n\n${constants.join('\n')}`;
}

/** `conv/tile/3x3` is `convTile3x3`. */
export function identifierOf(name) {
  return name.replace(/[^A-Za-z0-9]+(.)/g, (_, first) => first.toUpperCase());
}

function literal(value) {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function record(values) {
  const entries = Object.entries(values).map(([name, value]) => `${name}: ${literal(value)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function expandFile(file, names, context, from) {
  const fail = (message) => {
    throw new WgslError(from?.file ?? file, from?.line ?? 1, message);
  };
  if (context.within.includes(file)) fail(`circle of includes: ${[...context.within, file].join(' > ')}`);
  const text = context.read(file);
  if (text === undefined) fail(`there is no shaders/${file}`);
  const lines = text.replaceAll('\r\n', '\n').replace(/\n$/, '').split('\n');
  const source = lines.map((line, i) => ({ text: line, file, line: i + 1 }));
  return expandLines(source, names, { ...context, within: [...context.within, file] });
}

const DIRECTIVE = /^\s*\/\/#\s*(.*?)\s*$/;

function expandLines(lines, names, context) {
  const out = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    const directive = DIRECTIVE.exec(line.text)?.[1];
    if (directive === undefined) {
      out.push({ ...line, text: substitute(line, line.text, names) });
      continue;
    }
    const keyword = /^\w*|^\}/.exec(directive)[0];
    if (keyword === 'include') {
      out.push(...include(line, directive, names, context));
    } else if (keyword === 'for' || keyword === 'operations') {
      const end = endOf(lines, i);
      const body = lines.slice(i + 1, end);
      if (keyword === 'operations') out.push(...nameOperations(line, directive, expandLines(body, names, context), context));
      else for (const scope of scopesOf(line, directive, names)) out.push(...expandLines(body, scope, context));
      i = end;
    } else if (directive === '}') {
      throw new WgslError(line.file, line.line, '//#} closes nothing');
    } else {
      throw new WgslError(line.file, line.line, `//#${directive} is no directive: include, for, operations or }`);
    }
  }
  return out;
}

/** The line of the //#} that closes the block which starts at `start`. */
function endOf(lines, start) {
  let depth = 0;
  for (let i = start; i < lines.length; i++) {
    const directive = DIRECTIVE.exec(lines[i].text)?.[1] ?? '';
    if (/^(for|operations)\b/.test(directive)) depth++;
    if (directive === '}' && --depth === 0) return i;
  }
  throw new WgslError(lines[start].file, lines[start].line, `${lines[start].text.trim()} has no //#}`);
}

function include(line, directive, names, context) {
  const form = /^include\s+"([^"]+)"(?:\s+with\s+(.+))?$/.exec(directive);
  if (!form)
    throw new WgslError(
      line.file,
      line.line,
      'an include reads //#include "path.wgsl" or //#include "path.wgsl" with NAME = value',
    );
  const given = new Map();
  for (const part of form[2]?.split(/,\s*(?=\w+\s*=)/) ?? []) {
    const pair = /^(\w+)\s*=\s*(.+)$/.exec(part);
    if (!pair) throw new WgslError(line.file, line.line, `'${part}' does not read NAME = value`);
    given.set(pair[1], valueOf(substitute(line, pair[2], names)));
  }
  return expandFile(form[1], given, context, line);
}

/** The names in each round of a loop. */
function scopesOf(line, directive, names) {
  const form = /^for\s+(\w+)(?:\s*,\s*(\w+))?\s+in\s+(.+?)\s*\{$/.exec(directive);
  if (!form) throw new WgslError(line.file, line.line, 'a loop reads //#for i in 0..7 { or //#for c, i in x y z {');
  const [, name, place, listed] = form;
  const list = substitute(line, listed, names);
  const range = /^(-?\d+)\.\.(-?\d+)$/.exec(list);
  const values = range
    ? Array.from({ length: Math.max(0, Number(range[2]) - Number(range[1])) }, (_, i) => Number(range[1]) + i)
    : list.split(/\s+/).map(valueOf);
  return values.map((value, i) => new Map([...names, [name, value], ...(place ? [[place, i]] : [])]));
}

function nameOperations(line, directive, body, { operations }) {
  if (!/^operations\s*\{$/.test(directive)) throw new WgslError(line.file, line.line, 'named operations read //#operations {');
  if (Object.keys(operations).length > 0) throw new WgslError(line.file, line.line, 'a shader names its operations once');
  return body.map((arm) => ({
    ...arm,
    text: arm.text.replace(/^(\s*)(case|default)\s+(\w+)\s*\{/, (_, indent, keyword, name) => {
      if (Object.hasOwn(operations, name)) throw new WgslError(arm.file, arm.line, `the operation ${name} is named twice`);
      const number = Object.keys(operations).length;
      operations[name] = number;
      return keyword === 'case' ? `${indent}case ${number} {` : `${indent}default {`;
    }),
  }));
}

function valueOf(text) {
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

function substitute(line, text, names) {
  return text.replace(/\$\{([^}]*)\}/g, (_, expression) => String(evaluate(line, expression, names)));
}

function evaluate(line, expression, names) {
  const fail = (message) => {
    throw new WgslError(line.file, line.line, `\${${expression}}: ${message}`);
  };
  const tokens = expression.match(/\d+|\w+|[^\s\w]/g) ?? [];
  const lookUp = (name) => (names.has(name) ? names.get(name) : fail(`there is no ${name} here`));
  // A word stands for itself; only numbers are reckoned with.
  if (tokens.length === 1 && /^[A-Za-z_]/.test(tokens[0])) return lookUp(tokens[0]);
  let at = 0;
  const factor = () => {
    const token = tokens[at++];
    if (token === '-') return -factor();
    if (token === '(') {
      const inner = sum();
      if (tokens[at++] !== ')') fail('a parenthesis is not closed');
      return inner;
    }
    if ((token === 'min' || token === 'max') && tokens[at] === '(') {
      at++;
      const left = sum();
      if (tokens[at++] !== ',') fail(`${token} takes two numbers`);
      const right = sum();
      if (tokens[at++] !== ')') fail('a parenthesis is not closed');
      return Math[token](left, right);
    }
    if (token === undefined || !/^\w+$/.test(token)) return fail('a number or a name is missing');
    const value = /^\d/.test(token) ? Number(token) : lookUp(token);
    return typeof value === 'number' ? value : fail(`${token} is '${value}', not a whole number`);
  };
  const product = () => {
    let value = factor();
    while (tokens[at] === '*' || tokens[at] === '/' || tokens[at] === '%') {
      const sign = tokens[at++];
      const right = factor();
      value = sign === '*' ? value * right : sign === '/' ? Math.trunc(value / right) : value % right;
    }
    return value;
  };
  const sum = () => {
    let value = product();
    while (tokens[at] === '+' || tokens[at] === '-') value += tokens[at++] === '+' ? product() : -product();
    return value;
  };
  const value = sum();
  if (at < tokens.length) fail(`'${tokens[at]}' is one too many`);
  return value;
}

/** Words of a type in the uniform address space, which are also its alignment; arrays have elements of 16 bytes there. */
function wordsOf(type) {
  const array = /^array<vec4[iuf],(\d+)>$/.exec(type);
  if (array) return { size: 4 * Number(array[1]), alignment: 4 };
  if (/^vec4[iuf]$/.test(type)) return { size: 4, alignment: 4 };
  if (/^vec2[iuf]$/.test(type)) return { size: 2, alignment: 2 };
  return /^[iuf]32$/.test(type) ? { size: 1, alignment: 1 } : undefined;
}

/** Names and types of the struct at binding 0, in its order. What would need padding is refused: words follow one another. */
function uniformsOf(plain, lines, file) {
  const variable = /@group\(0\)\s*@binding\(0\)\s*var<uniform>\s*\w+\s*:\s*(\w+)\s*;/.exec(plain);
  if (!variable) return {};
  const originOf = (index) => lines[plain.slice(0, index).split('\n').length - 1] ?? { file, line: 1 };
  const fail = (index, message) => {
    const { file: at, line } = originOf(index);
    throw new WgslError(at, line, message);
  };
  const struct = new RegExp(`\\bstruct\\s+${variable[1]}\\s*\\{([^}]*)\\}`).exec(plain);
  if (!struct) return fail(variable.index, `there is no struct ${variable[1]} for the uniforms`);
  const uniforms = {};
  let offset = 0;
  const start = struct.index + struct[0].indexOf('{') + 1;
  for (const member of struct[1].matchAll(/([^\s:,][^:,]*?)\s*:\s*(\w+\s*(?:<[^>]*>)?)/g)) {
    const type = member[2].replace(/\s/g, '');
    const at = start + member.index;
    const words = wordsOf(type);
    if (!/^\w+$/.test(member[1])) fail(at, `the uniform '${member[1]}' has attributes, and the packer knows none`);
    if (!words) fail(at, `the uniform ${member[1]} is ${type}; the packer lays out i32, u32, f32, vec2, vec4 and arrays of vec4`);
    if (offset % words.alignment !== 0)
      fail(at, `the uniform ${member[1]} would need padding before it: move it, for ${type} is aligned`);
    uniforms[member[1]] = type;
    offset += words.size;
  }
  return uniforms;
}
