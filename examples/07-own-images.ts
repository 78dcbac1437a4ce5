/**
 * @file A search on your own images: `npx tsx examples/07-own-images.ts FOLDER`, where FOLDER/cat/1.jpg and FOLDER/dog/2.png are images of two
 * classes (PNG, JPEG or WebP of any sizes; `npm install sharp`). With FOLDER/train and FOLDER/test the test set is your own.
 */
import { cpu, key, webgpu } from 'reparam';
import { splitDataset } from 'reparam/data';
import { loadImageFolder } from 'reparam/data/node';
import { PRESETS, Search } from 'reparam/snas';

const [folder = ''] = process.argv.slice(2);
const device = await webgpu().catch(() => cpu({ dtype: 'float32' }));

// The middle square of each image, brought to 16 x 16 pixels, and a fifth of each class for the test.
const data = await loadImageFolder(folder, { size: 16, fit: 'crop', testPart: 0.2, splitSeed: 0 });
const { classNames = [], channels, height, width } = data.train;
console.log(`classes: ${classNames.join(' ')}`);
console.log(`images: ${data.train.labels.length} ${data.test.labels.length}`);
console.log(`shape of an image: ${channels} ${height} ${width}`);
if (data.about !== undefined) console.log(data.about);

// A quarter of the training images validates; the test images are seen once, at the end.
const quarter = Math.floor(data.train.labels.length / 4);
const [train, validation] = splitDataset(data.train, [data.train.labels.length - quarter, quarter], key(0));
const network = { channels: 4, cells: 3, nodes: 2, stemStride: 2, classes: classNames.length, inChannels: channels } as const;
const search = new Search(device, { ...PRESETS.smoke, seed: 0, epochs: 3, batchSize: 16, network }, { train, validation });
for await (const { epoch, loss, childAccuracy } of search.run())
  console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}, child ${childAccuracy.toFixed(3)}`);

const child = await search.childScores(data.test);
console.log(search.space.definition.literal?.print(child.architecture));
console.log(`test accuracy of the child: ${child.accuracy.toFixed(3)}`);
