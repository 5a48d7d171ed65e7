/** Buffer's direct string methods: public in Node since its first version, left out of its types. */
declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    ucs2Slice(start: number, end: number): string;
    utf8Slice(start: number, end: number): string;
    latin1Write(text: string, offset: number, length: number): number;
    ucs2Write(text: string, offset: number, length: number): number;
  }
}

export {};
