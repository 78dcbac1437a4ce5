    // The lane's next element is `lanes` further on: whole planes and the rest, carried over at a plane's end.
    offset += k.stepOffset;
    base += k.stepPlanes * k.c * k.plane;
    if (offset >= k.plane) {
      offset -= k.plane;
      base += k.c * k.plane;
    }
