// A doubly linked list of entries; an entry is in one list at a time.
export class List {
  constructor() {
    this.head = { prev: null, next: null };
    this.head.prev = this.head;
    this.head.next = this.head;
    this.count = 0;
    this.bytes = 0;
  }

  get first() {
    return this.count === 0 ? undefined : this.head.next;
  }

  get last() {
    return this.count === 0 ? undefined : this.head.prev;
  }

  unshift(entry) {
    entry.list = this;
    entry.prev = this.head;
    entry.next = this.head.next;
    entry.next.prev = entry;
    this.head.next = entry;
    this.count++;
    this.bytes += entry.size;
  }

  remove(entry) {
    entry.prev.next = entry.next;
    entry.next.prev = entry.prev;
    entry.list = undefined;
    this.count--;
    this.bytes -= entry.size;
  }
}
