      // To element r.
      along += step;
      if (along < size) {
        at += advance;
      } else {
        along = r % size;
        at = base + element(r);
      }
