/** @file A folder and the list of its files: every flipped bit is found, and a kill at any moment leaves files that the list knows. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { LIST, ListedFolder } from '../../src/files/listed-folder.ts';
import { useFileSystem } from '../../src/files/system.ts';
import { killedAt } from '../support/file-systems.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-listed-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let undo = (): void => {};
afterEach(() => undo());

let folders = 0;
async function newFolder(): Promise<ListedFolder> {
  const folder = await ListedFolder.open(path.join(scratch, String(folders++)));
  await folder.prepare();
  return folder;
}

it('knows its own files as whole, and says which has changed, is missing, or is not its own', async () => {
  const { path: folder } = await newFolder();
  const writer = await ListedFolder.open(folder);
  await writer.write({ a: 'one', b: Uint8Array.of(1, 2, 3) });
  await writer.write({ a: 'two', c: '', d: 'x' });
  await writer.settle();
  writeFileSync(path.join(folder, 'other'), '');
  writeFileSync(path.join(folder, 'b'), Uint8Array.of(1, 2, 4));
  rmSync(path.join(folder, 'd'));
  for (const reader of [writer, await ListedFolder.open(folder)]) {
    const standings = await Promise.all(['a', 'b', 'c', 'd', 'other', 'nothing'].map((name) => reader.standing(name)));
    expect(standings).toEqual(['whole', 'changed', 'whole', 'missing', 'unlisted', 'unlisted']);
    expect((await reader.readWhole('a')).toString()).toBe('two');
    await expect(reader.readWhole('b')).rejects.toThrow(/b is damaged: .*reparam verify/);
    await expect(reader.readWhole('d')).rejects.toThrow(/d is missing/);
  }
});

it('finds a flip in any byte of the list', async () => {
  const { path: folder } = await newFolder();
  await (await ListedFolder.open(folder)).write({ a: 'one', b: 'two' });
  const file = path.join(folder, LIST);
  const whole = readFileSync(file);
  for (let i = 0; i < whole.length; i++) {
    for (const bit of [i % 8, (i + 3) % 8]) {
      const flipped = Uint8Array.from(whole);
      flipped[i]! ^= 1 << bit;
      writeFileSync(file, flipped);
      expect((await ListedFolder.open(folder)).damage, `byte ${i}, bit ${bit}`).toContain('files.json is damaged');
    }
  }
});

it('a kill before any operation of two writes leaves every file whole, old or new, and the next process goes on', async () => {
  let n = 0;
  for (let ended = false; !ended; n++) {
    const { path: folder } = await newFolder();
    const before = await ListedFolder.open(folder);
    await before.write({ a: 'a0', b: 'b0', gone: 'g' });
    undo = useFileSystem(killedAt(n));
    const writing = async (): Promise<void> => {
      const writer = await ListedFolder.open(folder);
      await writer.write({ a: 'a1', new: 'n1' }, ['gone']);
      await writer.write({ a: 'a2', b: 'b2' });
    };
    ended = await writing().then(
      () => true,
      () => false,
    );
    undo();
    const after = await ListedFolder.open(folder);
    await after.prepare();
    expect(after.damage).toBeUndefined();
    for (const name of ['a', 'b', ...after.listed]) expect(await after.standing(name), `${name} after ${n}`).toBe('whole');
    expect(await after.standing('new')).toMatch(/whole|unlisted/);
    await after.write({ a: 'a3' });
    const last = await ListedFolder.open(folder);
    expect(last.listed).toEqual(
      readdirSync(folder).filter((name) => name !== LIST && (name !== 'gone' || last.listed.includes(name))),
    );
    for (const name of last.listed) expect(await last.standing(name), `${name} after ${n}`).toBe('whole');
    expect(readFileSync(path.join(folder, 'a'), 'utf8')).toBe('a3');
  }
  expect(n).toBeGreaterThan(25);
});

it('a damaged file is not taken for an old one by what is written later', async () => {
  const { path: folder } = await newFolder();
  const writer = await ListedFolder.open(folder);
  await writer.write({ a: 'one', b: 'two' });
  writeFileSync(path.join(folder, 'a'), 'onf');
  await (await ListedFolder.open(folder)).write({ b: 'three' });
  expect(await (await ListedFolder.open(folder)).standing('a')).toBe('changed');
});
