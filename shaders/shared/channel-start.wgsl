  var offset = lane % k.plane;
  var base = (lane / k.plane * k.c + channel) * k.plane;
