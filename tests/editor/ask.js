// ask - what VS Code's language service says of JSON documents.
//
// Reads one JSON object from standard input: {"schemas": {URI: schema}, "asks": [{"schema": URI,
// "text": ..., "offset": N}]}. Prints a line for each ask: {"problems": [{"text", "message"}],
// "labels": [what completion offers at the offset], "inserts": {label: text}, "hover": text or null}.
'use strict';

const {getLanguageService} = require('vscode-json-languageservice');
const {TextDocument} = require('vscode-languageserver-textdocument');

// What an editor does that knows which schema the file goes by.
function service(uri, schema) {
    const language = getLanguageService({});
    language.configure({validate: true, schemas: [{uri, fileMatch: ['*.json'], schema}]});
    return language;
}

function hoverText(hover) {
    const contents = hover ? [].concat(hover.contents) : [];
    return contents.map((part) => part.value ?? part).join('\n') || null;
}

async function answer(language, ask) {
    const document = TextDocument.create('file:///document.json', 'json', 1, ask.text);
    const json = language.parseJSONDocument(document);
    const position = document.positionAt(ask.offset);
    const problems = await language.doValidation(document, json);
    const completion = await language.doComplete(document, position, json);
    const items = completion ? completion.items : [];
    const hover = await language.doHover(document, position, json);
    return {
        problems: problems.map(({range, message}) => ({text: document.getText(range), message})),
        labels: items.map(({label}) => label),
        inserts: Object.fromEntries(items.map((item) => [item.label, item.textEdit?.newText])),
        hover: hoverText(hover),
    };
}

async function main() {
    const chunks = [];
    for await (const chunk of process.stdin) {
        chunks.push(chunk);
    }
    const {schemas, asks} = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    for (const ask of asks) {
        const language = service(ask.schema, schemas[ask.schema]);
        console.log(JSON.stringify(await answer(language, ask)));
    }
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
