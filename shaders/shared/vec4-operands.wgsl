  var u: vec4f;
  var v: vec4f;
  if (A_SCALAR) { u = vec4f(a[0].x); } else { u = a[i]; }
  if (B_SCALAR) { v = vec4f(b[0].x); } else { v = b[i]; }
