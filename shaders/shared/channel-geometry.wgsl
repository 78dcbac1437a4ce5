  // Channels, elements of a plane and of a channel, and lanes that share a channel.
  c: u32, plane: u32, count: u32, lanes: u32,
  // A lane's next element is `lanes` further on: stepPlanes whole planes and stepOffset elements.
  stepPlanes: u32, stepOffset: u32,
