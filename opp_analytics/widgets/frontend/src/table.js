// The Tabulator table: its columns, and the parts of Tabulator that need to know of 100,000 rows.

import {
  EditModule,
  FilterModule,
  FormatModule,
  FrozenColumnsModule,
  InteractionModule,
  KeybindingsModule,
  ResizeColumnsModule,
  SelectRangeModule,
  SortModule,
  Tabulator,
} from "tabulator-tables";
import { editor } from "./editors.js";
import { EXAMPLES, headerFilter } from "./filters.js";
import { NUMERIC, shown } from "./values.js";

// Tabulator lays out every row of the table on each move of the selection; the rendered ones are enough.
class SelectVisibleRange extends SelectRangeModule {
  static moduleName = "selectRange";

  layoutElement() {
    super.layoutElement(true);
  }
}

Tabulator.registerModule([
  EditModule,
  FilterModule,
  FormatModule,
  FrozenColumnsModule,
  InteractionModule,
  KeybindingsModule,
  ResizeColumnsModule,
  SelectVisibleRange,
  SortModule,
]);

const WIDTHS = { text: 160, money: 115, percent: 110, number: 100, whole: 100, date: 120, instant: 145, choice: 120, flag: 80 };
// A field of its own beside whatever the tenant sends.
export const ROW = "opp-analytics row";

function definition(column, marks, editing) {
  const { field, kind, locked } = column;
  return {
    field,
    title: field,
    titleFormatter: (cell) => document.createTextNode(cell.getValue()),
    width: field === "unique_id" ? 110 : WIDTHS[kind],
    minWidth: 60,
    hozAlign: NUMERIC.has(kind) ? "right" : "left",
    cssClass: locked ? "opp-locked" : "",
    sorter: NUMERIC.has(kind) ? "number" : "string",
    sorterParams: { alignEmptyValues: "bottom" },
    headerFilter: "input",
    headerFilterPlaceholder: EXAMPLES[kind] ?? "contains",
    headerFilterParams: { elementAttributes: { "aria-label": `filter ${field}` } },
    headerFilterFunc: headerFilter(kind),
    editor: locked ? undefined : editor(column, editing),
    editable: (cell) => !["removed", "gone"].includes(marks.row(cell.getData()[ROW])),
    formatter: (cell) => {
      const node = cell.getElement();
      node.tabIndex = -1;
      if (locked) node.setAttribute("aria-readonly", "true");
      marks.paint(node, cell.getData()[ROW], field);
      return document.createTextNode(shown(kind, cell.getValue()));
    },
  };
}

export function makeTable(holder, { columns, rows, height, marks, editing, rendered }) {
  return new Tabulator(holder, {
    data: rows,
    index: ROW,
    columns: columns.map((column) => definition(column, marks, editing)),
    columnDefaults: { headerSortTristate: true },
    rowHeader: { formatter: "rownum", frozen: true, width: 56, minWidth: 56, hozAlign: "right", headerSort: false, resizable: false },
    nestedFieldSeparator: false,
    height,
    rowHeight: 28,
    layout: "fitData",
    selectableRange: 1,
    selectableRangeColumns: true,
    selectableRangeRows: true,
    selectableRangeAutoFocus: false,
    headerSortClickElement: "icon",
    editTriggerEvent: "dblclick",
    // Tabulator would keep Tab in the grid for good.
    keybindings: { navNext: false, navPrev: false },
    placeholder: "no opportunities",
    rowFormatter: rendered,
  });
}
