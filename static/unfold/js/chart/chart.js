/* Stands before the chart library that the theme loads on every page (200 kB): no page has a chart drawn by it. */
