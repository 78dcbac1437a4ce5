// NaN told by its bits, for WGSL lets a driver assume that there is none, over ${TYPE} with words ${WORD}.
fn isNan(v: ${TYPE}) -> ${BOOL} {
  return (bitcast<${WORD}>(v) & ${WORD}(0x7fffffffu)) > ${WORD}(0x7f800000u);
}

// A NaN made of whatever v is: WGSL cannot write one.
fn nanOf(v: ${TYPE}) -> ${TYPE} {
  return bitcast<${TYPE}>(bitcast<${WORD}>(v) | ${WORD}(0x7fc00000u));
}

fn isFinite(v: ${TYPE}) -> ${BOOL} {
  return (bitcast<${WORD}>(v) & ${WORD}(0x7fffffffu)) < ${WORD}(0x7f800000u);
}
