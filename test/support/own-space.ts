/** @file A space as a user writes it in a file: one choice between two kernels and nothing. */

export const OWN_SPACE: string = `import { foldIn, globalAvgPool2d, relu } from 'reparam';
import { Conv2d, Identity, Layer, Linear } from 'reparam/nn';
import { choice } from 'reparam/snas';

class Own extends Layer {
  constructor({ device, key, channels, classes }) {
    super();
    this.stem = new Conv2d(device, foldIn(key, 0), channels, 4, 3, { padding: 1 });
    this.block = choice('block', {
      k3: new Conv2d(device, foldIn(key, 1), 4, 4, 3, { padding: 1 }),
      k5: new Conv2d(device, foldIn(key, 2), 4, 4, 5, { padding: 2 }),
      skip: new Identity(),
    });
    this.classifier = new Linear(device, foldIn(key, 3), 4, classes);
  }

  forward(x) {
    return this.classifier.forward(globalAvgPool2d(relu(this.block.forward(relu(this.stem.forward(x))))));
  }
}

export default (context) => new Own(context);
`;

/** The same in TypeScript, with an enum, which no runtime strips. */
export const OWN_SPACE_TYPED: string = OWN_SPACE.replace('relu }', 'relu, type Tensor }')
  .replace('choice }', 'choice, type NetworkContext }')
  .replace(
    'class Own extends Layer {\n',
    'enum Width { Narrow = 4 }\n\nclass Own extends Layer {\n  readonly stem: Layer;\n  readonly block: Layer;\n  readonly classifier: Layer;\n\n',
  )
  .replace('classes }) {', 'classes }: NetworkContext) {')
  .replace('channels, 4, 3,', 'channels, Width.Narrow, 3,')
  .replace('forward(x) {', 'forward(x: Tensor): Tensor {')
  .replace('(context) =>', '(context: NetworkContext): Layer =>');
