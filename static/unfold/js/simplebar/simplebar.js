/* Stands before the scroll bars that the theme draws by script: the browser's own are reached by keyboard and leave
   nothing behind when a page is swapped. The theme asks for the box that scrolls the menu to the open page. */
window.SimpleBar = { instances: { get: (box) => ({ getScrollElement: () => box }) } };
