// Starts `promo lsp` and lets VS Code speak with it over standard input and output.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function makeClient() {
  const command = vscode.workspace.getConfiguration("promo").get("command", "promo");
  const server = { command, args: ["lsp"] };
  return new LanguageClient("promo", "promo", server, {
    documentSelector: [{ language: "promo" }],
    // A new lock, or a used file that changed on disk, changes what an open file means.
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{promo,lock.json}") },
  });
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch (fault) {
    const advice = "Install it with: pip install 'promo-lang[lsp]', or set promo.command to its path.";
    vscode.window.showErrorMessage(`promo lsp could not be started: ${fault.message}. ${advice}`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running && running.isRunning()) {
    await running.stop();
  }
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("promo.restart", async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
