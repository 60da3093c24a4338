// Loaded before a Node program: its servers listen on a free port of this machine alone, and say on which.
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const callback = args.find((one) => typeof one === "function");
  this.once("listening", () => process.stdout.write(`LISTENING ${this.address().port}\n`));
  return listen.call(this, 0, "127.0.0.1", callback);
};
