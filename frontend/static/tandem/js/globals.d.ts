// Django's JavaScriptCatalog (/jsi18n/) puts these on the page before any module runs.
declare function gettext(text: string): string;
declare function ngettext(one: string, many: string, count: number): string;
declare function pgettext(context: string, text: string): string;
declare function interpolate(
  text: string,
  values: Record<string, string | number> | (string | number)[],
  named?: boolean,
): string;
