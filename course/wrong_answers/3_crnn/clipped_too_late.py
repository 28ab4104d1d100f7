"""Clips after the step: nothing is clipped."""
# loses: step

# %% solve=step
def train_step(network, optimiser, batch):
    network.train()
    image, loose, exact = batch
    optimiser.zero_grad()
    loss = cross_entropy(network(image, loose), exact)
    loss.backward()
    optimiser.step()
    nn.utils.clip_grad_norm_(network.parameters(), 3.0)
    return loss.item()
