"""Concatenates in the other order: trains just as well, but weights trained elsewhere no longer
fit."""
# loses: forward

# %% solve=forward
class Network(Layers):
    def forward(self, image, roll):
        audio, midi = (
            self.audio_branch((image - self.mean) / self.deviation),
            self.midi_branch(roll),
        )
        features, _ = self.recurrent(torch.cat([midi, audio], dim=-1))
        return self.output(self.dropout(features))
