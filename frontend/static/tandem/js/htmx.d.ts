// htmx is a classic script (vendor/htmx/htmx.min.js).
declare const htmx: {
  ajax(verb: string, path: string, context: object): Promise<void>;
  process(element: Element): void;
};
