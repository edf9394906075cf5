"""What a net uses: influence maps, input support, probes, erasure and steering, policy against value. Trains nothing."""
