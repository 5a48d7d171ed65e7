/**
 * What values are written to and read from: one piece of memory, as bytes and as a view that takes numbers of several
 * bytes. Whoever owns the memory makes both once; a view for each value would cost as much as a small value itself.
 */
export interface CodeBuffer {
  readonly bytes: Buffer;
  readonly view: DataView;
}

const none = Buffer.alloc(0);

/** In the place of one, between values. */
export const noBuffer: CodeBuffer = { bytes: none, view: new DataView(none.buffer, 0, 0) };
