/**
 * @file A worker of the float32 CPU device: claims calls and does them until there is nothing to do. Plain JavaScript, so that Node 20 starts it
 * from the sources too; it imports nothing, so that it is one file in every bundle. See control.ts for the words.
 */
const [TURN, COUNT, DONE, DEVICE, LIST, WORKERS] = [0, 1, 2, 3, 4, 5];
const [SCRATCH, SCRATCH_STEP, WAKE, SLEEPING, FAILED, CALLER_SLEEPS] = [6, 7, 8, 9, 10, 11];
const [POSTED, READ] = [32, 64];
const BATCH = 4096;
const CLOSED = BATCH - 1;
const CALL_HEAD = 3;
/** How long a worker looks for the next batch before it sleeps. */
const SPIN_MS = 0.05;

const port = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort ?? undefined;
/** Memory and functions of each device, by its number. */
const devices = new Map();
let control;
let index = 0;
let read = 0;

function take(message) {
  if (message.control) {
    control = message.control;
    index = message.index;
  } else if (message.memory) {
    devices.set(message.device, { memory: message.memory, view: undefined, functions: [] });
  } else if (message.modules) {
    const device = devices.get(message.device);
    for (const { module, names } of message.modules) {
      const { exports } = new WebAssembly.Instance(module, { reparam: { memory: device.memory } });
      for (const name of names) device.functions.push(exports[name]);
    }
  } else {
    devices.delete(message.device);
  }
  read++;
  // Others wait in the queue.
  if (Atomics.load(control, POSTED + index) !== read) return;
  Atomics.store(control, READ + index, read);
  serve();
}

/** Works until a message has been posted. */
function serve() {
  let idleSince = 0;
  for (let i = 1; Atomics.load(control, POSTED + index) === read; i++) {
    if (work()) {
      idleSince = 0;
    } else if ((i & 63) === 0) {
      const now = performance.now();
      if (idleSince === 0) idleSince = now;
      else if (now - idleSince > SPIN_MS) {
        sleep();
        idleSince = 0;
      }
    }
  }
}

function sleep() {
  const wake = Atomics.load(control, WAKE);
  Atomics.add(control, SLEEPING, 1);
  // What came before this thread was counted among the sleepers woke nobody.
  if (!waiting() && Atomics.load(control, POSTED + index) === read) Atomics.wait(control, WAKE, wake);
  Atomics.sub(control, SLEEPING, 1);
}

function waiting() {
  const next = Atomics.load(control, TURN) % BATCH;
  return next !== CLOSED && next < control[COUNT] && index < control[WORKERS];
}

/** Claims one call and does it, if there is one. */
function work() {
  const turn = Atomics.load(control, TURN);
  const next = turn % BATCH;
  // Words may be written for the next batch while the last one is closed.
  if (next === CLOSED || next >= control[COUNT] || index >= control[WORKERS]) return false;
  const device = devices.get(control[DEVICE]);
  const list = control[LIST];
  const scratch = (control[SCRATCH] + (index + 1) * control[SCRATCH_STEP]) * 8;
  // What was read is of this batch if nobody has claimed the call since.
  if (Atomics.compareExchange(control, TURN, turn, turn + 1) !== turn) return true;
  try {
    call(device, list, next, scratch);
  } catch {
    Atomics.store(control, FAILED, 1);
  }
  Atomics.add(control, DONE, 1);
  if (Atomics.load(control, CALLER_SLEEPS) === 1) Atomics.notify(control, DONE);
  return true;
}

function call(device, list, next, scratch) {
  let { view } = device;
  // Memory that has grown is another array.
  if (!view || view.byteLength !== device.memory.buffer.byteLength) view = device.view = new Float64Array(device.memory.buffer);
  const at = view[list + next];
  const run = device.functions[view[at]];
  const count = view[at + 2];
  const parameters = [];
  for (let i = 0; i < count; i++) parameters.push(view[at + CALL_HEAD + i]);
  if (view[at + 1] === 1) parameters.push(scratch);
  run(...parameters);
}

if (port) port.on('message', take);
else globalThis.addEventListener('message', ({ data }) => take(data));
