  // Tiles in a channel, along the height and along the width; channels; lanes in a channel.
  tiles: i32, blocksY: i32, blocksX: i32, channels: i32, lanes: i32,
  // The image that is read with a halo, the image of the tiles, and the row and column of the first tap of pixel (0, 0).
  height: i32, width: i32, tileHeight: i32, tileWidth: i32, top: i32, left: i32,
