/** @file The page: opens a device, runs the steps and shows what came out. */
import { cpu, type Device, webgpu } from 'reparam';
import { searchSteps } from './search-steps.ts';

function show(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
}

async function openDevice(): Promise<Device> {
  try {
    return await webgpu();
  } catch (error) {
    show('note', `${error instanceof Error ? error.message : String(error)}; the CPU backend runs instead.`);
    return cpu({ dtype: 'float32' });
  }
}

try {
  const device = await openDevice();
  show('device', device.name);
  show('status', 'searching');
  const { losses, genotype, pictures } = await searchSteps(device);
  show('losses', losses.map((loss) => loss.toFixed(6)).join('\n'));
  show('genotype', genotype);
  for (const cell of ['normal', 'reduce'] as const) {
    const figure = document.getElementById(cell);
    if (figure) figure.innerHTML = pictures[cell];
  }
  show('status', 'done');
} catch (error) {
  show('note', error instanceof Error ? error.message : String(error));
  show('status', 'failed');
}
