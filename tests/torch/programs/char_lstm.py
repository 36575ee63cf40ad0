"""A language model of characters: an LSTM, truncated backpropagation, sampling."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_

hidden_size = 128
seq_len = 50
batch_size = 16
steps = int(os.environ.get("STEPS", 40))

text = ("It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
        "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light. ") * 60
chars = sorted(list(set(text)))
char_to_ix = {ch: i for i, ch in enumerate(chars)}
ix_to_char = {i: ch for i, ch in enumerate(chars)}
data = torch.tensor([char_to_ix[c] for c in text], dtype=torch.long)


class CharRNN(nn.Module):
    def __init__(self, vocab, hidden, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 32)
        self.rnn = nn.LSTM(32, hidden, num_layers=layers, batch_first=True)
        self.decoder = nn.Linear(hidden, vocab)

    def forward(self, x, hidden):
        x, hidden = self.rnn(self.embedding(x), hidden)
        return self.decoder(x), hidden

    def init_hidden(self, batch):
        weight = next(self.parameters())
        return (weight.new_zeros(2, batch, hidden_size), weight.new_zeros(2, batch, hidden_size))


device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
model = CharRNN(len(chars), hidden_size).to(device)
rng = np.random.RandomState(0)
for p in model.parameters():
    p.data.copy_(torch.from_numpy(rng.uniform(-0.08, 0.08, tuple(p.shape)).astype(np.float32)))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
columns = data[: len(data) // batch_size * batch_size].view(batch_size, -1).to(device)

hidden = model.init_hidden(batch_size)
total = 0.0
for step in range(steps):
    start = step * seq_len % (columns.size(1) - seq_len - 1)
    inputs = columns[:, start:start + seq_len]
    targets = columns[:, start + 1:start + seq_len + 1]
    hidden = tuple(h.detach() for h in hidden)
    model.zero_grad()
    output, hidden = model(inputs, hidden)
    loss = loss_fn(output.reshape(-1, len(chars)), targets.reshape(-1))
    loss.backward()
    clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    total += loss.item()
    if step % 10 == 0:
        print(f"step {step} loss {loss.item():.4f} perplexity {math.exp(loss.item()):.2f}")

model.eval()
with torch.no_grad():
    hidden = model.init_hidden(1)
    x = torch.tensor([[char_to_ix["I"]]])
    out = "I"
    for _ in range(60):
        logits, hidden = model(x, hidden)
        probs = torch.softmax(logits[0, -1] / 0.8, dim=-1)
        ix = torch.multinomial(probs, num_samples=1)
        out += ix_to_char[ix.item()]
        x = ix.unsqueeze(0)
print(repr(out))
print("final", total / steps)
