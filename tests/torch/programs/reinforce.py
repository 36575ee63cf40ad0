"""A policy-gradient agent on a pole on a cart: batch 1 acting, one update for each episode."""
import argparse
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical


class CartPole:
    """The classic control problem, as in Gym's CartPole-v1."""

    def __init__(self, seed, horizon=None):
        self.horizon = horizon                  # the length of each episode, whatever happens
        self.rng = np.random.RandomState(seed)

    def reset(self):
        self.state = self.rng.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state.astype(np.float32)

    def step(self, action):
        x, v, angle, w = self.state
        force = 10.0 if action == 1 else -10.0
        temp = (force + 0.05 * w**2 * np.sin(angle)) / 1.1
        acc = (9.8 * np.sin(angle) - np.cos(angle) * temp) / (0.5 * (4 / 3 - 0.1 * np.cos(angle)**2 / 1.1))
        self.state = np.array([x + 0.02 * v, v + 0.02 * (temp - 0.05 * acc * np.cos(angle) / 1.1),
                               angle + 0.02 * w, w + 0.02 * acc])
        self.steps += 1
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.2095 or self.steps >= 500
        if self.horizon is not None:
            done = self.steps >= self.horizon
        return np.clip(self.state, -5, 5).astype(np.float32), 1.0 if abs(self.state[2]) < 1 else 0.0, bool(done)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 64)
        self.affine2 = nn.Linear(64, 64)
        self.head = nn.Linear(64, 2)
        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        x = torch.tanh(self.affine1(x))
        x = torch.tanh(self.affine2(x))
        return F.softmax(self.head(x), dim=1)


def fill(model, seed=0):
    rng = np.random.RandomState(seed)
    for p in model.parameters():
        bound = 1 / np.sqrt(p.shape[-1])
        p.data.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))


def select_action(policy, state, rng):
    state = torch.from_numpy(state).float().unsqueeze(0)
    probs = policy(state)
    m = Categorical(probs)
    if rng is None:
        action = m.sample()
    else:                                   # the same actions under every engine
        action = torch.tensor([int(rng.rand() > probs[0, 0].item())])
    policy.saved_log_probs.append(m.log_prob(action))
    return action.item()


def finish_episode(policy, optimizer, gamma):
    R = 0
    policy_loss = []
    returns = []
    for r in policy.rewards[::-1]:
        R = r + gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + np.finfo(np.float32).eps.item())
    for log_prob, R in zip(policy.saved_log_probs, returns):
        policy_loss.append(-log_prob * R)
    optimizer.zero_grad()
    policy_loss = torch.cat(policy_loss).sum()
    policy_loss.backward()
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_log_probs[:]
    return policy_loss.item()


def main():
    parser = argparse.ArgumentParser(description="REINFORCE")
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--seed", type=int, default=543)
    parser.add_argument("--episodes", type=int, default=25)
    parser.add_argument("--horizon", type=int, default=None)
    parser.add_argument("--sample", action="store_true", help="draw actions by the distribution")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    env = CartPole(args.seed, args.horizon)
    rng = None if args.sample else np.random.RandomState(args.seed)
    policy = Policy()
    fill(policy)
    optimizer = optim.Adam(policy.parameters(), lr=1e-3)
    running_reward = 10
    for i_episode in range(1, args.episodes + 1):
        state, ep_reward = env.reset(), 0
        for t in count():
            action = select_action(policy, state, rng)
            state, reward, done = env.step(action)
            policy.rewards.append(reward)
            ep_reward += reward
            if done:
                break
        running_reward = 0.05 * ep_reward + (1 - 0.05) * running_reward
        loss = finish_episode(policy, optimizer, args.gamma)
        if i_episode % 10 == 0:
            print(f"Episode {i_episode}\tLast reward: {ep_reward:.2f}\tAverage reward: {running_reward:.2f}")
    print("final", running_reward, abs(loss) + 10)


if __name__ == "__main__":
    main()
