//#include "shared/row-invocation.wgsl"
  // Where the row starts in each operand.
  //#for o in ${OPERANDS} {
  var i${o} = 0u;
  //#}
  for (var k = 1u; k < AXES; k++) {
    let axis = 7u - k;
    let size = p.sizes[axis / 4u][axis % 4u];
    let index = rest % size;
    rest /= size;
    //#for o in ${OPERANDS} {
    i${o} += index * p.${o}Strides[axis / 4u][axis % 4u];
    //#}
  }
