"""Two sigmoids: every cell lies above 0.5, so everything sounds."""
# loses: ask

# %% solve=ask
def ask(network, image, roll):
    network.eval()
    with torch.no_grad():
        logits = network(torch.as_tensor(image)[None], torch.as_tensor(roll)[None])
    return torch.sigmoid(torch.sigmoid(logits))[0].numpy()
