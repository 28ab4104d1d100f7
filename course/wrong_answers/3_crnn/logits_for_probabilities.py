"""Returns logits: a threshold of 0.5 then means a probability of 62 %."""
# loses: ask

# %% solve=ask
def ask(network, image, roll):
    network.eval()
    with torch.no_grad():
        logits = network(torch.as_tensor(image)[None], torch.as_tensor(roll)[None])
    return logits[0].numpy()
