"""Never forgets old gradients: each step repeats all earlier ones."""
# loses: step

# %% solve=step
def train_step(network, optimiser, batch):
    network.train()
    image, loose, exact = batch
    loss = cross_entropy(network(image, loose), exact)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 3.0)
    optimiser.step()
    return loss.item()
