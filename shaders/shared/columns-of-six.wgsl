  let a = vec4i(${FIRST} - k.left) + vec4i(0, 1, 2, 3);
  let b = a.zw + 2;
  let last = width - 1;
  let at = Columns(
    clamp(a, vec4i(0), vec4i(last)), clamp(b, vec2i(0), vec2i(last)),
    (a >= vec4i(0)) & (a <= vec4i(last)), (b >= vec2i(0)) & (b <= vec2i(last)),
  );
