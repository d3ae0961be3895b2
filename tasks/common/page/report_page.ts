/**
 * The frame of a report: one file without scripts or links to others, whose content security policy forbids them.
 * @module
 */
import { reportStyles } from "./styles.ts";

/**
 * The page.
 * @param title HTML
 * @param styles Rules beside those of all reports
 * @param main HTML of everything that is seen
 */
export function reportPage(title: string, styles: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${reportStyles()}
${styles}
</style>
</head>
<body>
<main>
${main}
<footer>Made by Dinotune.</footer>
</main>
</body>
</html>
`;
}
