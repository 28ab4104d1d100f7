"""Trains without dropout and with frozen statistics of batch normalisation."""
# loses: step

# %% solve=step
def train_step(network, optimiser, batch):
    network.eval()
    image, loose, exact = batch
    optimiser.zero_grad()
    loss = cross_entropy(network(image, loose), exact)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 3.0)
    optimiser.step()
    return loss.item()
