/** @file Sections 4.1 to 4.6: searches, children, the penalty, retraining, transfer. */
import type { Claim } from './ledger.ts';

export const searchClaims: readonly Claim[] = [
  {
    section: '4.1, figure 9',
    sentence: 'SNAS converges faster than ENAS and ends far higher.',
    evidence: [{ figure: 'fig9', finding: 'enas' }],
  },
  {
    section: '4.1, figure 9',
    sentence: 'DARTS converges faster than SNAS and ends about as high.',
    evidence: [{ figure: 'fig9', finding: 'darts' }],
  },
  {
    section: '4.2, figure 10',
    sentence: 'The child of SNAS keeps the accuracy of the search without retraining.',
    evidence: [{ figure: 'fig10', finding: 'snas' }],
  },
  {
    section: '4.2, figure 10',
    sentence: 'That of DARTS loses it.',
    evidence: [{ figure: 'fig10', finding: 'darts' }],
  },
  {
    section: '4.2',
    sentence: 'SNAS needs no retraining: its child is about as good as it is retrained.',
    evidence: [{ figure: 'darts-2', finding: 'unretrained' }],
  },
  {
    section: '4.2',
    sentence: 'Counting retraining, SNAS is far more efficient than DARTS.',
    evidence: [{ figure: 'darts-2', finding: 'time' }],
  },
  {
    section: '4.2, figure 11',
    sentence: "After as many epochs SNAS's distribution has less entropy than DARTS's softmax.",
    evidence: [{ figure: 'fig11', finding: 'entropy', parts: [0] }],
  },
  {
    section: '4.3, figure 12',
    sentence: 'Under a strong penalty most edges are deleted very early.',
    evidence: [{ figure: 'fig12', finding: 'early' }],
  },
  {
    section: '4.3, figure 12',
    sentence: 'Edges from the inputs of the reduction cell appear only after half of the search; until then it is skipped.',
    evidence: [{ figure: 'fig12', finding: 'late' }],
  },
  {
    section: '4.3',
    sentence: 'In the normal cell each node ends with exactly two inputs.',
    evidence: [{ figure: 'fig12', finding: 'two-inputs' }],
  },
  {
    section: '4.3',
    sentence: 'Half of the nodes of the reduction cell are not used.',
    evidence: [{ figure: 'fig12', finding: 'half-used' }],
  },
  {
    section: '4.4',
    sentence: 'A penalty below the mild one is a preference for simple operations.',
    evidence: [{ figure: 'fig13-15', finding: 'simple' }],
  },
  {
    section: '4.4, figure 13',
    sentence: 'Under the mild penalty edges begin to be deleted.',
    evidence: [{ figure: 'fig13-15', finding: 'vanish', parts: [0] }],
  },
  {
    section: '4.4, figure 14',
    sentence: 'The moderate penalty reduces depth and parameters.',
    evidence: [{ figure: 'fig13-15', finding: 'smaller' }],
  },
  {
    section: '4.4, figure 14',
    sentence: 'It brings a higher accuracy: it regularises (children without retraining).',
    evidence: [{ figure: 'fig13-15', finding: 'accuracy' }],
  },
  {
    section: '4.4, figure 15',
    sentence: 'The aggressive penalty deletes nodes.',
    evidence: [{ figure: 'fig13-15', finding: 'vanish', parts: [1] }],
  },
  {
    section: '4.4, figure 15',
    sentence: 'Under it input k-1 has no edges.',
    evidence: [{ figure: 'fig13-15', finding: 'input' }],
  },
  {
    section: '4.5, figure 16',
    sentence: 'Retrained, the cells of SNAS are better than those of a uniform distribution.',
    evidence: [{ figure: 'fig16', finding: 'uniform' }],
  },
  {
    section: '4.5, figure 16',
    sentence: 'Those of first-order DARTS are worse than uniform ones.',
    evidence: [{ figure: 'fig16', finding: 'darts' }],
  },
  {
    section: '4.5',
    sentence: 'SNAS, of first order, reaches the accuracy of second-order DARTS.',
    evidence: [{ figure: 'darts-2', finding: 'equal' }],
  },
  {
    section: '4.5',
    sentence: 'With a penalty the networks of SNAS are smaller than others at close accuracy.',
    evidence: [{ figure: 'fig16', finding: 'smaller' }],
  },
  {
    section: '4.5',
    sentence: 'The moderate penalty gives fewer parameters and a smaller error: it regularises (retrained).',
    evidence: [{ figure: 'fig16', finding: 'regularises' }],
  },
  {
    section: '4.6, figure 17',
    sentence: 'Cells transfer: on other images they are better than uniform ones.',
    evidence: [{ figure: 'fig17', finding: 'uniform' }],
  },
  {
    section: '4.6, figure 17',
    sentence: 'There too, they have fewer parameters at close accuracy.',
    evidence: [{ figure: 'fig17', finding: 'smaller' }],
  },
];
