  // The last vec4 is written element by element, since a view may end inside it.
  if (at + 4u <= p.n) {
    y[i] = ${VALUE};
    return;
  }
  y[i].x = ${VALUE}.x;
  if (at + 1u < p.n) { y[i].y = ${VALUE}.y; }
  if (at + 2u < p.n) { y[i].z = ${VALUE}.z; }
