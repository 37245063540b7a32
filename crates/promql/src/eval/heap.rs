//! A heap that moves its elements as Go's `container/heap` does, so that of equal values the same ones stay.

pub struct Heap<T, L: Fn(&T, &T) -> bool> {
    pub items: Vec<T>,
    less: L,
}

impl<T, L: Fn(&T, &T) -> bool> Heap<T, L> {
    pub fn new(less: L) -> Heap<T, L> {
        Heap { items: Vec::new(), less }
    }

    pub fn push(&mut self, item: T) {
        self.items.push(item);
        let mut child = self.items.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !(self.less)(&self.items[child], &self.items[parent]) {
                break;
            }
            self.items.swap(child, parent);
            child = parent;
        }
    }

    pub fn pop(&mut self) {
        let Some(last) = self.items.len().checked_sub(1) else { return };
        self.items.swap(0, last);
        self.items.pop();
        let mut parent = 0;
        loop {
            let left = 2 * parent + 1;
            if left >= last {
                break;
            }
            let right = left + 1;
            let takes_right = right < last && (self.less)(&self.items[right], &self.items[left]);
            let child = if takes_right { right } else { left };
            if !(self.less)(&self.items[child], &self.items[parent]) {
                break;
            }
            self.items.swap(parent, child);
            parent = child;
        }
    }
}
